# iscl-denoise as a batch step (docs/batch.md). Needs no network at run time, no root, and only /tmp writable besides the output.
# Node 20 is out of support since April 2026.
FROM node:22-bookworm-slim

WORKDIR /opt/iscl-denoise
COPY package.json package-lock.json .npmrc ./
COPY server/package.json server/
# .npmrc: no install scripts.
RUN npm ci --omit=dev --workspaces=false --no-audit --no-fund \
  && npm cache clean --force

COPY LICENSE ./
COPY models models/
COPY src src/
COPY cli cli/

# Loads every module once, so that a broken image fails here and not in the hospital.
RUN node cli/iscl-denoise.mjs --version

# mercure and others run it under a user id of their own; nothing here needs this one.
USER node
WORKDIR /tmp
ENTRYPOINT ["node", "/opt/iscl-denoise/cli/iscl-denoise.mjs"]
