import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// Assets are never inlined as data: URLs and nothing is written into index.html: the server's Content-Security-Policy
// allows 'self' alone.
const api = { '/api': { target: process.env.VERANDA ?? 'http://127.0.0.1:8080', ws: true } };

export default defineConfig({
  plugins: [svelte()],
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: api },
  preview: { proxy: api },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
