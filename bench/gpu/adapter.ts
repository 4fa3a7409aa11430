import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

/** What the system's own tools say of the graphics cards; a sentence where a tool is missing or fails. */
export function adapters(): { readonly vulkan: readonly string[]; readonly driver: string } {
  const summary = says('vulkaninfo', ['--summary']);
  const vulkan = [
    ...summary.matchAll(/^\s*(?:deviceName|driverInfo|deviceType|apiVersion)\s*=\s*(.*)$/gm),
  ].map(([line]) => line.trim().replace(/\s+/g, ' '));
  const query = [
    '--query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit',
    '--format=csv,noheader',
  ];
  return {
    vulkan: vulkan.length > 0 ? vulkan : [summary.trim().slice(0, 400)],
    driver: says('nvidia-smi', query).trim(),
  };
}

/** Why Vulkan may find nothing: its driver descriptions, its loader, the driver's folder. */
export function vulkanFiles(): string {
  const named = (process.env['VK_DRIVER_FILES'] ?? process.env['VK_ICD_FILENAMES'] ?? '')
    .split(':')
    .filter(Boolean);
  const folders = ['/etc/vulkan/icd.d', '/usr/share/vulkan/icd.d', '/usr/local/nvidia/share/vulkan/icd.d'];
  return [
    ...named.map(file => `named driver ${file}: ${existsSync(file) ? 'there' : 'MISSING'}`),
    ...folders.map(folder => `${folder}: ${existsSync(folder) ? readdirSync(folder).join(' ') : 'none'}`),
    `loader: ${says('sh', ['-c', 'ldconfig -p | grep libvulkan || echo none']).trim()}`,
  ].join('\n');
}

function says(command: string, argv: string[]): string {
  try {
    return execFileSync(command, argv, {
      encoding: 'utf8',
      timeout: 15_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    return code === 'ENOENT'
      ? `${command} is not installed`
      : `${command} failed: ${stderr?.trim() || message}`;
  }
}
