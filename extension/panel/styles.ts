import { WARNING_COLOUR } from '../id';

/**
 * The panel's look, in OHIF's own theme variables (they change with the theme the user picks). Classes of our own, because the host's
 * stylesheet holds only the Tailwind classes the host itself uses.
 */
export const STYLES = `
.iscl-panel { height: 100%; overflow-y: auto; font-size: 13px; line-height: 1.4; color: hsl(var(--foreground)); background: hsl(var(--background)); }
.iscl-panel * { box-sizing: border-box; }
.iscl-section > h3 { margin: 0 0 2px; }
.iscl-section > h3 > button { width: 100%; height: 28px; padding: 0 10px; display: flex; align-items: center; gap: 8px; border: 0; cursor: pointer; font: inherit; font-size: 13px; font-weight: 600; text-align: left; color: hsl(var(--muted-foreground)); background: hsl(var(--popover)); }
.iscl-section > h3 > button > :first-child { flex: 1; }
.iscl-section > h3 .iscl-aside { font-weight: 400; }
.iscl-section > h3 svg { width: 16px; height: 16px; color: hsl(var(--primary)); }
.iscl-section > h3 svg.folded { transform: rotate(90deg); }
.iscl-body, .iscl-body-rows { display: flex; flex-direction: column; gap: 8px; }
.iscl-body { padding: 8px 10px 12px; }
.iscl-body-rows:empty { display: none; }
.iscl-title { font-weight: 600; overflow-wrap: anywhere; }
.iscl-muted { color: hsl(var(--muted-foreground)); }
.iscl-small { font-size: 12px; }
.iscl-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.iscl-row { display: flex; gap: 6px; align-items: center; }
.iscl-row.spread { justify-content: space-between; }
.iscl-facts { display: grid; grid-template-columns: max-content 1fr; gap: 3px 10px; margin: 0; }
.iscl-facts dt { color: hsl(var(--muted-foreground)); }
.iscl-facts dd { margin: 0; overflow-wrap: anywhere; }
.iscl-button { font: inherit; font-weight: 500; min-height: 30px; padding: 4px 12px; border-radius: 4px; border: 1px solid transparent; cursor: pointer; color: hsl(var(--primary)); background: hsl(var(--primary) / 0.16); }
.iscl-button:hover:not(:disabled) { background: hsl(var(--primary) / 0.3); }
.iscl-button.primary { color: hsl(var(--primary-foreground)); background: hsl(var(--primary) / 0.85); }
.iscl-button.primary:hover:not(:disabled) { background: hsl(var(--primary)); }
.iscl-button:disabled { opacity: 0.5; cursor: not-allowed; }
.iscl-button.wide { width: 100%; min-height: 34px; }
.iscl-button.grow { flex: 1 1 0; padding-inline: 4px; }
.iscl-button[aria-pressed='true'], .iscl-button[aria-pressed='true']:hover:not(:disabled) { color: hsl(var(--background)); background: hsl(var(--highlight)); }
.iscl-link { font: inherit; padding: 0; border: 0; background: none; color: hsl(var(--primary)); cursor: pointer; text-align: left; }
.iscl-link:hover:not(:disabled) { text-decoration: underline; }
.iscl-link:disabled { opacity: 0.5; cursor: not-allowed; }
.iscl-panel :focus-visible { outline: 2px solid hsl(var(--highlight)); outline-offset: 1px; }
.iscl-track { height: 8px; border-radius: 4px; background: hsl(var(--input)); overflow: hidden; }
.iscl-track > div { height: 100%; border-radius: 4px; background: hsl(var(--highlight)); transition: width 120ms linear; }
.iscl-track + * { margin-top: 4px; }
.iscl-track.waiting > div { width: 30% !important; animation: iscl-wait 1.4s ease-in-out infinite alternate; }
@keyframes iscl-wait { from { margin-left: 0; } to { margin-left: 70%; } }
.iscl-queue { margin: 0; padding: 0; list-style: none; border-top: 1px solid hsl(var(--border)); }
.iscl-queue li { display: flex; justify-content: space-between; gap: 10px; padding-top: 4px; }
.iscl-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.iscl-slider { width: 100%; accent-color: hsl(var(--highlight)); cursor: pointer; }
.iscl-box { border-radius: 4px; border-left: 3px solid; padding: 6px 8px; display: flex; flex-direction: column; gap: 2px; overflow-wrap: anywhere; background: hsl(var(--card)); }
.iscl-box.error { border-color: #ff5c5c; }
.iscl-box.warning { border-color: ${WARNING_COLOUR}; }
.iscl-box.success { border-color: #3fd08a; }
.iscl-box.info { border-color: hsl(var(--highlight)); }
.iscl-box .iscl-row { margin-top: 4px; }
.iscl-box details { color: hsl(var(--muted-foreground)); font-size: 12px; overflow-wrap: anywhere; }
.iscl-table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 12px; }
.iscl-table caption { caption-side: top; text-align: left; padding-bottom: 4px; color: hsl(var(--muted-foreground)); }
.iscl-table th { text-align: right; font-weight: 400; color: hsl(var(--muted-foreground)); padding: 2px 0 2px 6px; }
.iscl-table tbody th { color: inherit; border-top: 1px solid hsl(var(--border)); }
.iscl-table td { text-align: right; padding: 2px 0 2px 6px; border-top: 1px solid hsl(var(--border)); }
.iscl-table th:first-child, .iscl-table td:first-child { text-align: left; padding-left: 0; }
.iscl-number { font: inherit; width: 64px; padding: 4px 6px; border-radius: 4px; border: 1px solid hsl(var(--border)); color: inherit; background: hsl(var(--input)); }
.iscl-table .iscl-amber td { color: ${WARNING_COLOUR}; }
.iscl-table .iscl-red td { color: #ff5c5c; }
.iscl-label { margin: 0; padding: 8px 10px; color: ${WARNING_COLOUR}; font-size: 12px; }
@media (prefers-reduced-motion: reduce) { .iscl-track > div { animation: none !important; transition: none; } }
`;
