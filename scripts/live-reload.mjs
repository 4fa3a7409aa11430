/* global __webpack_public_path__, location */
// Only in the build of `npm run dev` (dev.mjs): reloads the page when the folder of the plugin holds a newer build.
const address = new URL('build.txt', __webpack_public_path__);
let loaded;

setInterval(async () => {
  const answer = await fetch(address, { cache: 'no-store' }).catch(() => null);
  // The server restarts, or webpack writes a build.
  if (!answer?.ok) return;
  const build = await answer.text();
  loaded ??= build;
  if (build !== loaded) location.reload();
}, 200);
