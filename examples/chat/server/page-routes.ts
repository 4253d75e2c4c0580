/**
 * Serves the page: its hand-written files, its compiled modules, and the packages it imports by name, which
 * the browser finds through the import map in index.html. The policy allows nothing else, and no inline script but
 * that map, known by its digest.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, Router } from 'express';

const PACKAGES = ['marked', 'dompurify', 'eventsource-parser'];

/** The hand-written files beside index.html, the service worker among them, by the address they are asked for. */
const FILES = {
  'style.css': 'styles/style.css',
  'cards.css': 'styles/cards.css',
  'answers.css': 'styles/answers.css',
  'frame.css': 'styles/frame.css',
  'icon.svg': 'icon.svg',
  'push-worker.js': 'push-worker.js',
};

/** Not every conversation has code in it. */
const FETCHED_LATER = 'highlighting.js';

export interface PageFolders {
  /** Holds index.html, the style sheets and icon.svg. */
  readonly sources: string;
  /** The page's compiled modules. */
  readonly compiled: string;
}

export function pageRoutes({ sources, compiled }: PageFolders): Router {
  const router = Router();
  const html = withPreloads(readFileSync(join(sources, 'index.html'), 'utf8'), compiled);
  router.use(securityHeaders(contentPolicy(html)));
  router.get('/', (_request, response) => {
    response.type('html').send(html);
  });
  for (const [name, file] of Object.entries(FILES)) {
    router.get(`/${name}`, (_request, response) => response.sendFile(file, { root: sources }));
  }
  router.use('/page', express.static(compiled, { index: false }));
  for (const name of PACKAGES) {
    const file = fileURLToPath(import.meta.resolve(name));
    router.get(`/packages/${name}.js`, (_request, response) => {
      response.type('js').sendFile(file.slice(dirname(file).length + 1), { root: dirname(file) });
    });
  }
  const client = dirname(fileURLToPath(import.meta.resolve('generation-jobs/client')));
  router.use('/packages/generation-jobs/client', express.static(client, { index: false }));
  const highlighter = dirname(fileURLToPath(import.meta.resolve('@highlightjs/cdn-assets/es/core.min.js')));
  router.use('/packages/highlightjs/es', express.static(highlighter, { index: false }));
  return router;
}

/** Modules import each other five deep: named at once, they come in one round trip instead of one after the other. */
function withPreloads(html: string, compiled: string): string {
  const modules = readdirSync(compiled, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js') && !file.endsWith(FETCHED_LATER))
    .map((file) => `<link rel="modulepreload" href="/page/${file.split(sep).join('/')}">`);
  return html.replace('</head>', `${modules.join('')}</head>`);
}

function contentPolicy(html: string): string {
  const importMap = /<script type="importmap">([^<]*)<\/script>/.exec(html)?.[1] ?? '';
  const digest = createHash('sha256').update(importMap).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${digest}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types dompurify push-worker',
  ].join('; ');
}

function securityHeaders(policy: string): RequestHandler {
  return (_request, response, next) => {
    response.set({
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    next();
  };
}
