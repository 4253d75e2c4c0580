/** Bundles the page, and with `--ssr server.ts` the server, whose packages stay outside. `vite` alone serves the page as you edit it. */
import { defineConfig } from 'vite';

export default defineConfig(({ isSsrBuild }) => ({
  root: import.meta.dirname,
  build: { outDir: isSsrBuild ? 'dist/server' : 'dist/page', target: 'es2022' },
  ssr: { external: true },
  server: { proxy: { '/api': 'http://localhost:3000' } },
}));
