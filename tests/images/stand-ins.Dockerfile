# Debian's own Redis and Prometheus in the places of the images that compose.yaml names, which cannot be had where no
# image registry is. Users, folders and entry points are those of the images that they stand for.
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS packages
COPY scripts/lib/packages.sh /src/packages.sh
RUN bash -euc '. /src/packages.sh; install_packages redis-server prometheus' && rm -rf /var/lib/apt/lists/* && \
    mkdir -p /data /prometheus && chown 999:999 /data && chown 65534:65534 /prometheus

FROM packages AS redis
USER 999:999
WORKDIR /data
CMD ["redis-server"]

FROM packages AS prometheus
USER 65534:65534
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
