/**
 * nginx as docs/recipes.md sets it up, in front of two replicas on one Redis: checked by nginx itself, then used. Only what is
 * the machine's is put in its place: ports, the certificate, and the folders nginx writes to.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { blockMarked } from '../docs/programs.js';
import { freePort } from '../support/chat-process.js';
import {
  compiledExample,
  type Program,
  programFolder,
  startProgram,
  writeFiles,
} from '../support/programs.js';
import { RedisServer } from '../support/redis-server.js';

const NGINX = process.env.NGINX_PATH ?? 'nginx';
const config = blockMarked('file', 'nginx.conf').code;

interface Service {
  readonly image: string;
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const { services, volumes } = parse(blockMarked('file', 'compose.yaml').code) as {
  services: Readonly<Record<string, Service>>;
  volumes: Readonly<Record<string, unknown>>;
};

describe('the compose file', () => {
  it('names only services, volumes and files that there are', () => {
    const names = Object.keys(services);
    for (const [name, { image, volumes: mounts = [], depends_on = [] }] of Object.entries(services)) {
      expect(image, name).toMatch(/^[a-z]+:\w+$/);
      expect(names).toEqual(expect.arrayContaining([...depends_on]));
      for (const source of mounts.map((mount) => mount.split(':')[0] ?? '')) {
        const isThere = source.startsWith('.') || source in volumes;
        expect(isThere, source).toBe(true);
      }
    }
  });

  it('and nginx and Redis are found by the names it gives them', () => {
    const [, host = '', port] = /server (\w+):(\d+);/.exec(config) ?? [];
    expect(services).toHaveProperty(host);
    expect(port).toBe('3000');
    const url = new URL(services.chat?.environment?.REDIS_URL ?? '');
    expect(services).toHaveProperty(url.hostname);
  });
});

describe('nginx', () => {
  let port: number;
  let folder: string;
  let redis: RedisServer;
  let replicas: Program[];
  let nginx: ChildProcess;

  beforeAll(async () => {
    redis = await RedisServer.start();
    const file = compiledExample('redis');
    const env = { REDIS_URL: `redis://127.0.0.1:${redis.port}`, HOST: '127.0.0.1' };
    replicas = [await startProgram(file, env), await startProgram(file, env)];
    port = await freePort();
    folder = programFolder();
    writeFiles(folder, { 'nginx.conf': own(config), 'certificates/.keep': '' });
    makeCertificate(folder);
  });

  afterAll(async () => {
    if (nginx) await ended(nginx);
    for (const replica of replicas ?? []) await replica.end('SIGTERM');
    await redis?.stop();
  });

  it('takes the configuration', () => {
    const { status, stderr } = spawnSync(NGINX, ['-t', ...inFolder()], { encoding: 'utf8' });
    expect(stderr).toContain('syntax is ok');
    expect(status).toBe(0);
  });

  it('passes an answer on over HTTP/2 as it is made, and the page’s stop, which names its origin', async () => {
    nginx = spawn(NGINX, [...inFolder(), '-g', 'daemon off;'], { stdio: 'ignore' });
    const session = connect(`https://localhost:${port}`, {
      ca: readFileSync(join(folder, 'certificates', 'chat.crt')),
    });
    await expect.poll(() => session.connecting || session.destroyed).toBe(false);
    expect(session.alpnProtocol).toBe('h2');
    const send = (method: string, path: string, body?: object) => {
      const headers = { ':method': method, ':path': path, 'content-type': 'application/json' };
      const request = session.request({ ...headers, origin: `https://localhost:${port}` });
      request.end(body && JSON.stringify(body));
      return request.setEncoding('utf8');
    };
    const { streamId } = JSON.parse(await all(send('POST', '/api/chat', {})));
    const arrivals: number[] = [];
    let text = '';
    for await (const chunk of send('GET', `/api/chat/stream/${streamId}`)) {
      arrivals.push(performance.now());
      text += chunk;
      if (arrivals.length === 6) await all(send('POST', '/api/chat/abort', { streamId }));
    }
    expect(text).toContain('event: text');
    expect(text).toContain('event: aborted');
    // Buffered, it would all have come at once, at its end.
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(500);
    session.close();
  });

  function own(text: string): string {
    const ports = replicas.map(({ url }) => new URL(url).port);
    const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${name};`,
    );
    return text
      .replace('server chat:3000;', ports.map((one) => `server 127.0.0.1:${one};`).join(' '))
      .replace('listen 443 ', `listen 127.0.0.1:${port} `)
      .replace('http {', `pid nginx.pid;\nhttp {\n  access_log off; ${scratch.join(' ')}`);
  }

  function inFolder(): string[] {
    return ['-p', folder, '-e', 'stderr', '-c', 'nginx.conf'];
  }
});

function makeCertificate(folder: string): void {
  const files = ['-keyout', 'certificates/chat.key', '-out', 'certificates/chat.crt'];
  const about = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'];
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...about], {
    cwd: folder,
  });
  expect(made.status, String(made.stderr)).toBe(0);
}

async function all(stream: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGQUIT');
  await exited;
}
