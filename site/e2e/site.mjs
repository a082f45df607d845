// The site under test: the real program, on a free port, with its files in a temporary folder.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The program: HANDSTAMP_SITE, or what cargo has built last. */
function program() {
  const built = ['debug', 'release']
    .map((profile) => path.join(import.meta.dirname, '../../target', profile, 'site'))
    .filter((file) => existsSync(file))
    .sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);
  const file = process.env.HANDSTAMP_SITE ?? built[0];
  assert(
    file !== undefined && existsSync(file),
    `the site’s program is missing (${file ?? 'nothing built'}); build it: cargo build -p site`,
  );
  return file;
}

/** A temporary folder, removed when the test process ends. */
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'handstamp-e2e-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The program of the Express half. */
const EXPRESS = path.join(import.meta.dirname, '../express/server.js');

/** A running site. It can be stopped or killed, and started again on the same files and port. */
export class Site {
  #child;
  #keep;
  #port = 0;
  /** The address of the Express half, if it runs. */
  express;

  /** `server` is the URL of a server that keeps the sessions. */
  static async start({ memory = false, express = false, server } = {}) {
    const site = new Site();
    site.#keep = memory ? ['--memory'] : ['--store', server ?? path.join(temporaryFolder(), 'sessions.db')];
    if (server) site.#keep.push('--home', temporaryFolder());
    if (express) site.#keep.push('--express', EXPRESS);
    await site.startAgain();
    process.on('exit', () => site.#child.kill('SIGKILL'));
    return site;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  async startAgain() {
    const environment = { ...process.env };
    delete environment.SESSION_SECRET;
    this.#child = spawn(program(), [...this.#keep, '--port', `${this.#port}`], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    ({ port: this.#port, express: this.express } = await addresses(this.#child));
  }

  /** Ends the site as Ctrl-C does. */
  async stop() {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    const [code] = await ended;
    assert.equal(code, 0, 'Ctrl-C ends the site without an error');
  }

  /** Ends the site as a power cut would, as far as the process is concerned. */
  async kill() {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** Where the site says it listens. */
async function addresses(child) {
  let output = '';
  const listening = new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text) => {
      output += text;
      const found = /^listening on http:\/\/127\.0\.0\.1:(\d+)$/m.exec(output);
      if (found) resolve({ port: Number(found[1]), express: /^Express: +(http.*)$/m.exec(output)?.[1] });
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`the site ended before it listened: ${output}`)));
  });
  return listening;
}
