/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port carries exactly the VLANs that its NIC is declared to carry. A NIC without any
 * network stays unplugged: its tap exists, but is not in the switch.
 */
#include "twin/switchport.h"

static void add_trunks(struct args *a, const struct rack_nic *nic)
{
	char list[RACK_MAX_NETWORKS * 5 + 1];
	size_t len = 0;

	for (size_t i = 0; i < nic->n_tagged; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%u",
			i ? "," : "", nic->tagged[i]->vlan);
	args_addf(a, "trunks=%s", list);
}

void switch_vlan_args(struct args *a, const struct rack_nic *nic)
{
	if (nic->native)
		args_addf(a, "tag=%u", nic->native->vlan);
	if (!nic->n_tagged)
		return;
	args_addf(a, "vlan_mode=%s", nic->native ? "native-untagged" : "trunk");
	add_trunks(a, nic);
}

static void add_host_port(struct args *a, const char *name, unsigned vlan, unsigned mtu)
{
	args_add(a, "--");
	args_add(a, "add-port");
	args_add(a, TWIN_BRIDGE);
	args_add(a, name);
	args_addf(a, "tag=%u", vlan);
	args_add(a, "--");
	args_add(a, "set");
	args_add(a, "Interface");
	args_add(a, name);
	args_add(a, "type=internal");
	args_addf(a, "mtu_request=%u", mtu);
}

bool switch_gateway_name(const struct twin_plan *p, const struct rack_network *net,
	char ret[static TWIN_IF_NAME])
{
	if (!net->gateway)
		return false;
	if (net == p->rack->provisioning)
		snprintf(ret, TWIN_IF_NAME, "%s", p->rack->interface);
	else
		snprintf(ret, TWIN_IF_NAME, "gw%u", net->vlan);
	return true;
}

static void add_gateway_port(
	struct args *a, const struct twin_plan *p, const struct rack_network *net)
{
	char name[TWIN_IF_NAME];

	if (switch_gateway_name(p, net, name) && net != p->rack->provisioning)
		add_host_port(a, name, net->vlan, net->mtu);
}

void switch_nic_args(struct args *a, const struct twin_nic *nic)
{
	if (!nic->rack->native && !nic->rack->n_tagged)
		return;
	args_add(a, "--");
	args_add(a, "add-port");
	args_add(a, TWIN_BRIDGE);
	args_add(a, nic->tap);
	switch_vlan_args(a, nic->rack);
	args_add(a, "--");
	args_add(a, "set");
	args_add(a, "Interface");
	args_add(a, nic->tap);
	args_addf(a, "mtu_request=%u", nic->mtu);
}

void switch_config_args(struct args *a, const struct twin_plan *p)
{
	args_add(a, "add-br");
	args_add(a, TWIN_BRIDGE);
	args_add(a, "--");
	args_add(a, "set");
	args_add(a, "Bridge");
	args_add(a, TWIN_BRIDGE);
	args_add(a, "datapath_type=netdev");
	args_add(a, "stp_enable=false");
	args_add(a, "rstp_enable=false");
	add_host_port(a, p->rack->interface, p->rack->provisioning->vlan,
		p->rack->provisioning->mtu);
	add_host_port(a, p->bmc_if, p->rack->bmc_vlan, 1500);
	for (size_t i = 0; i < p->rack->n_networks; i++)
		add_gateway_port(a, p, &p->rack->networks[i]);
	/* A container's are plugged in when it starts, and gone with it. */
	for (size_t i = 0; i < p->n_nodes && p->form == TWIN_MACHINES; i++)
		for (size_t j = 0; j < p->nodes[i].n_nics; j++)
			switch_nic_args(a, &p->nodes[i].nics[j]);
}
