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
            { commandName: 'denoiseSeries', label: 'Denoise', keys: ['shift+d'], isEditable: true },
            {
              commandName: 'toggleDenoised',
              label: 'Swap original and denoised',
              keys: ['o'],
              isEditable: true,
            },
          ],
        },
      },
    },
  ];
}
