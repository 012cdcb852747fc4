# syntax=docker/dockerfile:1
# Targets: web (no TensorFlow), worker (GPU), training (GPU), proxy (nginx). docker-compose.yml puts them together.

# The Python version the tests run on.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG NGINX_IMAGE=nginx:1.28-bookworm
ARG UV_VERSION=0.13.9


# --- building: uv and its caches stay in these stages ---

FROM ${PYTHON_IMAGE} AS build
ARG UV_VERSION
ENV UV_PROJECT_ENVIRONMENT=/opt/leukolens \
    UV_PYTHON_DOWNLOADS=never \
    UV_CACHE_DIR=/var/cache/uv \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir "uv==${UV_VERSION}"
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./

FROM build AS build-web
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-dev --extra postgres --extra oidc --no-install-project
COPY . .
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-dev --extra postgres --extra oidc --no-editable

FROM build AS build-worker
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-dev --extra gpu --no-install-project
COPY . .
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-dev --extra gpu --no-editable

FROM build AS build-training
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-dev --extra train --extra gpu --no-install-project
COPY . .
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-dev --extra train --extra gpu --no-editable


# --- running: Python, the environment, one user without rights or home ---

FROM ${PYTHON_IMAGE} AS runtime
RUN groupadd --gid 10001 leukolens \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin leukolens \
    # Named volumes take over the owner of the folder they are first mounted on.
    && install --directory --owner 10001 --group 10001 /data /data/images /data/models /data/audit /run/leukolens /runs
ENV PATH=/opt/leukolens/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    LEUKOLENS_DATA_DIR=/data
WORKDIR /data
USER 10001:10001

FROM runtime AS web
COPY --from=build-web /opt/leukolens /opt/leukolens
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8000/readyz', timeout=4)"]
ENTRYPOINT ["leukolens"]
CMD ["serve", "--host", "0.0.0.0"]

FROM runtime AS worker
COPY --from=build-worker /opt/leukolens /opt/leukolens
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(4); s.connect('/run/leukolens/engine.sock'); s.sendall(b'GET /v2/health/ready HTTP/1.0\\r\\n\\r\\n'); assert b' 200 ' in s.recv(64)"]
ENTRYPOINT ["leukolens"]
CMD ["worker", "--socket", "/run/leukolens/engine.sock"]

FROM runtime AS training
COPY --from=build-training /opt/leukolens /opt/leukolens
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /runs
ENTRYPOINT ["python", "-m", "training"]
CMD ["--help"]


# --- nginx in front: ends TLS, waits for slow senders in the server's place ---
# The configuration lies here because an inline `configs:` of compose cannot be mounted into a read-only root.

FROM ${NGINX_IMAGE} AS proxy
# 101 is the image's user nginx, who may not bind the low ports; compose maps them.
COPY <<'NGINX' /etc/nginx/nginx.conf
worker_processes auto;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    server_tokens off;
    # No query, no referer, no user agent: an accession may be searched for in the address.
    log_format plain '$time_iso8601 $remote_addr "$request_method $uri" $status $body_bytes_sent $request_time';
    access_log /dev/stdout plain;

    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;

    # A sender gets ten seconds for its headers and for each pause in its body; the server sees whole requests only.
    client_header_timeout 10s;
    client_body_timeout 10s;
    send_timeout 10s;
    keepalive_timeout 30s;
    reset_timedout_connection on;
    large_client_header_buffers 4 8k;
    # One more than LEUKOLENS_MAX_UPLOAD_MB, so that the server's own refusal is the one people see.
    client_max_body_size 65m;
    limit_conn_zone $binary_remote_addr zone=address:1m;
    limit_conn address 32;
    limit_conn_status 429;
    # One password check costs half a second of two cores.
    limit_req_zone $binary_remote_addr zone=login:1m rate=20r/m;
    limit_req_status 429;

    # Compose's name server: a web container that comes back has another address.
    resolver 127.0.0.11 valid=5s ipv6=off;

    server {
        listen 8080;
        return 308 https://$host$request_uri;
    }

    server {
        listen 8443 ssl;
        ssl_certificate /run/secrets/tls_certificate;
        ssl_certificate_key /run/secrets/tls_key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:tls:1m;
        ssl_session_tickets off;

        set $web http://web:8000;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout 5s;
        proxy_read_timeout 60s;
        proxy_send_timeout 30s;
        # A POST is never sent twice.
        proxy_next_upstream off;

        error_page 413 @too_large;
        error_page 429 @too_many;
        error_page 502 504 =503 @away;

        location / {
            proxy_pass $web;
        }

        location = /login {
            limit_req zone=login burst=10 nodelay;
            proxy_pass $web;
        }

        location @too_large {
            default_type application/problem+json;
            return 413 '{"type":"urn:leukolens:problem:payload_too_large","title":"Too large","status":413,"detail":"Send fewer or smaller files in one request.","code":"payload_too_large"}';
        }

        location @too_many {
            default_type application/problem+json;
            add_header Retry-After 5 always;
            return 429 '{"type":"urn:leukolens:problem:rate_limited","title":"Too many requests","status":429,"detail":"Send again later.","code":"rate_limited"}';
        }

        location @away {
            default_type application/problem+json;
            add_header Retry-After 5 always;
            return 503 '{"type":"urn:leukolens:problem:overloaded","title":"The server is away","status":503,"detail":"Send the request again later.","code":"overloaded"}';
        }
    }
}
NGINX

USER 101:101
EXPOSE 8080 8443
ENTRYPOINT ["nginx"]
CMD ["-g", "daemon off;"]
