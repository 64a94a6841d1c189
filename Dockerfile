# syntax=docker/dockerfile:1
# docker build -t federated-identity-operator:0.1.0 .
ARG NODE=node:24-slim
ARG BASE=gcr.io/distroless/nodejs24-debian12:nonroot

# The bundle is the same for every platform, so it is made on the builder's own.
FROM --platform=$BUILDPLATFORM ${NODE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts/bundle.ts ./scripts/
COPY src ./src
RUN node scripts/bundle.ts

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="federated-identity-operator" \
      org.opencontainers.image.description="Gives pods on any Kubernetes cluster AWS credentials by OIDC federation, without static keys" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /build/dist/operator.mjs /operator.mjs
# Distroless keeps node in /nodejs/bin, other bases in /usr/local/bin.
ENV PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin NODE_ENV=production
# Young objects are collected early and the old ones before 256 MiB: less memory for a little CPU (bench/README.md).
ENV NODE_OPTIONS="--max-semi-space-size=4 --max-old-space-size=256"
# glibc gives back what it freed, and keeps it in two places and not in one for each thread.
ENV MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072
# By number, so that the kubelet can see that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["node", "/operator.mjs"]
CMD ["run"]
