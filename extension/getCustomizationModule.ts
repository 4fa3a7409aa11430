export function getCustomizationModule() {
  return [
    {
      name: 'default',
      value: {},
    },
    {
      name: 'global',
      value: {
        'ohif.hotkeyBindings': {
          $push: [
            { commandName: 'denoiseSeries', label: 'Denoise: start', keys: ['shift+d'], isEditable: true },
            {
              commandName: 'toggleDenoised',
              label: 'Denoise: swap original and denoised',
              keys: ['o'],
              isEditable: true,
            },
          ],
        },
      },
    },
  ];
}
