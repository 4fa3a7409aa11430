import { createElement } from 'react';

export function getPanelModule() {
  return [
    {
      name: 'denoise',
      iconName: 'actions-smooth',
      iconLabel: 'Denoise',
      label: 'Denoise',
      component: () => createElement('div', { className: 'p-2 text-white' }, 'Denoise'),
    },
  ];
}
