export function getToolbarModule() {
  return [{ name: 'evaluate.iscl.denoise', evaluate: () => ({ disabled: false }) }];
}
