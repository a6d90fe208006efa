WEBROOT = "/horizon/"
LOGIN_URL = "/horizon/auth/login/"
LOGOUT_URL = "/horizon/auth/logout/"
LOGIN_REDIRECT_URL = "/horizon/"
ALLOWED_HOSTS = ["*"]
SECRET_KEY = "${secret:horizon.key}"
OPENSTACK_HOST = "${public}"
OPENSTACK_KEYSTONE_URL = "https://${public}:5000/v3"
OPENSTACK_KEYSTONE_DEFAULT_ROLE = "member"
OPENSTACK_KEYSTONE_MULTIDOMAIN_SUPPORT = False
OPENSTACK_ENDPOINT_TYPE = "publicURL"
OPENSTACK_SSL_CACERT = "/etc/ssl/certs/ca-certificates.crt"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = True
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": "127.0.0.1:11211",
    }
}
TIME_ZONE = "UTC"
