import { svelte } from '@sveltejs/vite-plugin-svelte';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import type { PluginContext } from 'rollup';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// Assets are never inlined as data: URLs and nothing is written into index.html: the server's Content-Security-Policy
// allows 'self' alone.
const api = { '/api': { target: process.env.VERANDA ?? 'http://127.0.0.1:8080', ws: true } };

/** Beside each file of `assets` its Brotli form, as small as it gets: the server has no time for that. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  writeBundle({ dir = '' }, bundle) {
    for (const [fileName, file] of Object.entries(bundle)) {
      if (!fileName.startsWith('assets/')) continue;
      const content = file.type === 'chunk' ? file.code : file.source;
      writeFileSync(join(dir, `${fileName}.br`), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    }
  },
};

/** All that the entry imports in one file: left alone, what several views share becomes many, and each costs a slow line as much as 30 kB. */
function entryInOne(id: string, { getModuleIds, getModuleInfo }: Pick<PluginContext, 'getModuleIds' | 'getModuleInfo'>): string | undefined {
  if (first.size === 0) {
    const gather = (one: string): void => {
      if (first.has(one)) return;
      first.add(one);
      getModuleInfo(one)?.importedIds.forEach(gather);
    };
    [...getModuleIds()].filter((one) => getModuleInfo(one)?.isEntry).forEach(gather);
  }
  return first.has(id) ? 'index' : undefined;
}
const first = new Set<string>();

export default defineConfig({
  plugins: [svelte(), compressed],
  // The manifest tells the server which files a page will ask for (src/http/head.rs).
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, manifest: true, rollupOptions: { output: { manualChunks: entryInOne } } },
  server: { proxy: api },
  preview: { proxy: api },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
