import { createElement } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import type { ExtensionContext } from './ohif';
import { DenoisePanel } from './panel/DenoisePanel';
import type { SessionHolder } from './session/holder';

/**
 * OHIF renders panels with its own React, which knows nothing of ours: what it gets is a component without hooks, whose element
 * holds a root of our own.
 */
export function getPanelModule(holder: SessionHolder, { commandsManager }: ExtensionContext) {
  const roots = new Map<Element, Root>();
  let mounted: Element | null = null;
  const mount = (element: Element | null) => {
    if (element === mounted) return;
    if (mounted) {
      const root = roots.get(mounted);
      roots.delete(mounted);
      // React refuses to unmount a root while another render is under way.
      if (root) queueMicrotask(() => root.unmount());
    }
    mounted = element;
    if (!element) return;
    const root = createRoot(element);
    roots.set(element, root);
    const run = (command: string, options?: Record<string, unknown>) =>
      void commandsManager.runCommand(command, options);
    root.render(createElement(DenoisePanel, { holder, run }));
  };
  return [
    {
      name: 'denoise',
      iconName: 'actions-smooth',
      iconLabel: 'Denoise',
      label: 'Denoise',
      component: () => createElement('div', { ref: mount, style: { height: '100%', overflow: 'hidden' } }),
    },
  ];
}
