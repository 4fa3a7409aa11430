/* global __webpack_public_path__, location */
// Only in the build of `npm run dev` (dev.mjs): takes a newer build over. Components of the panel are replaced in place; any other change
// reloads the page, because OHIF keeps what an extension registered at its start.
const address = new URL('build.txt', __webpack_public_path__);
const hot = import.meta.webpackHot;
let loaded;

async function takeOver() {
  const replaced = await hot.check(true).catch(() => null);
  if (!replaced) location.reload();
}

setInterval(async () => {
  const answer = await fetch(address, { cache: 'no-store' }).catch(() => null);
  // The server restarts, or webpack writes a build.
  if (!answer?.ok) return;
  const build = await answer.text();
  const isNewer = loaded !== undefined && build !== loaded;
  loaded = build;
  if (isNewer && hot.status() === 'idle') await takeOver();
}, 200);
