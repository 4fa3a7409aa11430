# iscl-denoise as a batch step (docs/batch.md). Needs no network at run time, no root, and only /tmp writable besides the output.
# Node 20 is out of support since April 2026.
FROM node:22-bookworm-slim

WORKDIR /opt/iscl-denoise
COPY package.json package-lock.json .npmrc ./
COPY server/package.json server/
# .npmrc: no install scripts. What is then taken out is three quarters of the packages' size: ONNX Runtime for Windows and macOS, and for
# browsers, of which the command uses only the types.
RUN npm ci --omit=dev --workspaces=false --no-audit --no-fund \
  && rm -rf node_modules/onnxruntime-web node_modules/onnxruntime-node/bin/*/win32 node_modules/onnxruntime-node/bin/*/darwin \
  && rm -rf /root/.npm /tmp/*

COPY LICENSE ./
COPY models models/
COPY src src/
COPY cli cli/

# Loads the command and ONNX Runtime's library once, so that a broken image fails here and not in the hospital.
RUN node cli/iscl-denoise.mjs --version \
  && ORT_DISABLE_TELEMETRY=1 node -e "require('onnxruntime-node')" \
  && rm -rf /tmp/*

# mercure and others run it under a user id of their own; nothing here needs this one.
USER node
WORKDIR /tmp
ENTRYPOINT ["node", "/opt/iscl-denoise/cli/iscl-denoise.mjs"]
