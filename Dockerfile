# The server and the command line in one image. The web client is inside the server.

FROM node:20-bookworm-slim AS web
WORKDIR /mixminus/web-client
COPY web-client/package.json web-client/package-lock.json ./
RUN npm ci --no-audit --no-fund
# The tests of the web client read the examples; the build needs only its own folder.
COPY web-client ./
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
# libopus is built from source.
RUN apt-get update && apt-get install -y --no-install-recommends cmake make && rm -rf /var/lib/apt/lists/*
WORKDIR /mixminus
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY audio audio
COPY signaling signaling
COPY room room
COPY client-cli client-cli
COPY server server
COPY --from=web /mixminus/web-client/dist web-client/dist
RUN cargo build --release --locked --workspace

FROM debian:bookworm-slim
RUN useradd --system --create-home mixminus
COPY --from=build /mixminus/target/release/mixminus-server /mixminus/target/release/mixminus /usr/local/bin/
USER mixminus
# HTTP, and the media of up to four workers.
EXPOSE 8080/tcp 40000-40003/udp
# There is no curl in the image; bash speaks enough HTTP.
HEALTHCHECK --interval=10s --timeout=3s CMD ["bash", "-c", "listen=${MIXMINUS_LISTEN:-127.0.0.1:8080}; exec 3<>/dev/tcp/127.0.0.1/${listen##*:}; printf 'GET /api/health HTTP/1.0\\r\\n\\r\\n' >&3; grep -q '\"status\":\"ok\"' <&3"]
ENTRYPOINT ["mixminus-server"]
