/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry is written last, after the files it names are on the disk: a disk that lost
 * power in between starts nothing rather than half a system. No firmware boot entry is
 * made: servers re-create or forget them, and all look for EFI/BOOT/BOOTX64.EFI.
 */
#include "images/esp.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "images/kexec.h"

#define SYSTEMD_BOOT "/usr/lib/systemd/boot/efi/systemd-bootx64.efi"

char *esp_entry(const char *slot, const char *version, const char *cmdline)
{
	return xasprintf("title ondol (slot %s)\n"
			 "version %s\n"
			 "linux /ondol/%s/vmlinuz\n"
			 "initrd /ondol/%s/initrd.img\n"
			 "options %s\n",
		slot, version, slot, slot, cmdline);
}

char *esp_loader_conf(const char *slot)
{
	return xasprintf("default ondol-%s.conf\ntimeout 2\neditor no\n", slot);
}

int esp_open_in_image(const char *slot_dir, const char *path)
{
	_cleanup_close_ int dir = open(slot_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int fd;

	if (dir < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, dir, path + 1, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

static int copy_bytes(int from, int to)
{
	_cleanup_free_ char *buf = xmalloc(128 * 1024);
	ssize_t n;

	while ((n = read(from, buf, 128 * 1024)) > 0) {
		int r = write_all(to, buf, (size_t)n);

		if (r < 0)
			return r;
	}
	if (n < 0 || fsync(to) < 0)
		return -errno;
	return 0;
}

static int copy_out(const char *slot_dir, const char *from, const char *esp_dir,
	const char *to, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", esp_dir, to);
	_cleanup_close_ int in = esp_open_in_image(slot_dir, from), out = -1;
	int r;

	if (in < 0) {
		*reterr_msg = xasprintf(
			"the image has no %s: %s. Build it again (ondol image build).",
			from, strerror(-in));
		return in;
	}
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = out < 0 ? -errno : copy_bytes(in, out);
	if (r < 0)
		*reterr_msg = xasprintf("%s cannot be written to the EFI partition: %s",
			to, strerror(-r));
	return r;
}

static int put_text(
	const char *esp_dir, const char *name, const char *text, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", esp_dir, name);
	int r = write_file_atomic(path, text, strlen(text), 0644);

	if (r < 0)
		*reterr_msg = xasprintf("%s cannot be written to the EFI partition: %s",
			name, strerror(-r));
	return r;
}

static int make_directory(const char *esp_dir, const char *name, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", esp_dir, name);
	int r = mkdir_p(path, 0755);

	if (r < 0)
		*reterr_msg = xasprintf(
			"%s cannot be made on the EFI partition: %s", name, strerror(-r));
	return r;
}

static char *entry_name(const char *slot)
{
	return xasprintf("loader/entries/ondol-%s.conf", slot);
}

int esp_put_slot(const char *esp_dir, const char *slot_dir, const char *slot,
	const char *version, const char *cmdline, char **reterr_msg)
{
	_cleanup_free_ char *dir = xasprintf("ondol/%s", slot);
	_cleanup_free_ char *kernel = xasprintf("%s/vmlinuz", dir);
	_cleanup_free_ char *initrd = xasprintf("%s/initrd.img", dir);
	_cleanup_free_ char *name = entry_name(slot);
	_cleanup_free_ char *entry = esp_entry(slot, version, cmdline);
	int r = make_directory(esp_dir, dir, reterr_msg);

	if (r == 0)
		r = make_directory(esp_dir, "loader/entries", reterr_msg);
	if (r == 0)
		r = copy_out(slot_dir, ESP_KERNEL, esp_dir, kernel, reterr_msg);
	if (r == 0)
		r = copy_out(slot_dir, ESP_INITRD, esp_dir, initrd, reterr_msg);
	if (r == 0)
		r = put_text(esp_dir, name, entry, reterr_msg);
	return r;
}

int esp_install(const char *esp_dir, const char *slot_dir, const char *slot,
	const char *version, const char *cmdline, char **reterr_msg)
{
	int r = make_directory(esp_dir, "EFI/BOOT", reterr_msg);

	if (r == 0)
		r = make_directory(esp_dir, "loader", reterr_msg);
	if (r == 0)
		r = copy_out(slot_dir, SYSTEMD_BOOT, esp_dir, "EFI/BOOT/BOOTX64.EFI",
			reterr_msg);
	if (r == 0)
		r = esp_set_default(esp_dir, slot, reterr_msg);
	return r == 0
		? esp_put_slot(esp_dir, slot_dir, slot, version, cmdline, reterr_msg)
		: r;
}

int esp_set_default(const char *esp_dir, const char *slot, char **reterr_msg)
{
	_cleanup_free_ char *loader = esp_loader_conf(slot);

	return put_text(esp_dir, "loader/loader.conf", loader, reterr_msg);
}

int esp_forget_slot(const char *esp_dir, const char *slot, char **reterr_msg)
{
	_cleanup_free_ char *name = entry_name(slot),
			    *path = xasprintf("%s/%s", esp_dir, name);
	int r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;

	if (r == 0)
		r = sync_parent(path);
	if (r < 0)
		*reterr_msg = xasprintf("%s cannot be removed from the EFI partition: %s",
			name, strerror(-r));
	return r;
}

int esp_load_kernel(const char *slot_dir, const char *cmdline, char **reterr_msg)
{
	_cleanup_close_ int kernel = esp_open_in_image(slot_dir, ESP_KERNEL),
			    initrd = esp_open_in_image(slot_dir, ESP_INITRD);

	if (kernel >= 0 && initrd >= 0)
		return kexec_load_files(kernel, initrd, cmdline, reterr_msg);
	*reterr_msg = xstrdup("kernel or initramfs cannot be read from the slot");
	return kernel < 0 ? kernel : initrd;
}
