import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  // The folder may be served from anywhere.
  base: './',
  resolve: { alias: { portcullis: here('../../../dist/browser/index.js') } },
  worker: { format: 'es' },
  build: {
    outDir: process.env['PLAYGROUND_OUT'] ?? here('../../../dist/playground'),
    emptyOutDir: true,
    target: 'es2022',
    // The pages' policy allows neither data: scripts nor data: workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { index: here('index.html'), network: here('network.html') } },
  },
});
