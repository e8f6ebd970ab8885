// A whole suite for the tests in the browser: its own Redis, ports and folder, through scripts/run; and a browser.
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {chromium} from 'playwright-core';

export const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
// Nothing that a test waits for takes longer on a busy machine, but the start of the suite.
export const PATIENCE_MS = 20_000;

function listens(port) {
  return new Promise((resolve) => {
    const probe = net.createServer().once('error', () => resolve(true));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(false)));
  });
}

async function freePortBase() {
  for (let attempt = 0; attempt < 100; ++attempt) {
    const base = 10_000 + Math.floor(Math.random() * 20_000);
    const taken = await Promise.all([0, 1, 10, 11, 20, 21, 30, 40, 50, 60, 61, 62, 63].map((each) => listens(base + each)));
    if (!taken.includes(true)) return base;
  }
  throw new Error('no free range of ports');
}

export class Suite {
  static async start() {
    const suite = new Suite();
    suite.state = fs.mkdtempSync(path.join(os.tmpdir(), 'prismatic-browser-'));
    suite.options = (process.env.PRISMATIC_SUITE_OPTIONS ?? '').split(' ').filter(Boolean);
    for (let attempt = 1; ; ++attempt) {
      const base = String(await freePortBase());
      const done = spawnSync(path.join(ROOT, 'scripts/run'), ['--detach', '--no-build', '--state', suite.state,
        '--port-base', base, ...suite.options], {encoding: 'utf8', timeout: 120_000});
      suite.said = done.stdout;
      if (done.status === 0) break;
      if (attempt === 3) throw new Error(`the suite did not start:\n${done.stdout}\n${done.stderr}`);
    }
    suite.env = Object.fromEntries(fs.readFileSync(path.join(suite.state, 'env'), 'utf8').split('\n')
      .map((line) => line.match(/^export (\w+)=(.*)$/)).filter(Boolean).map(([, name, value]) => [name, value]));
    return suite;
  }

  get adminUrl() { return this.env.PRISMATIC_ADMIN_URL; }
  get ownerPassword() { return this.secret('owner-password'); }
  secret(name) { return fs.readFileSync(path.join(this.state, 'secrets', name), 'utf8').trim(); }
  log(name) { return fs.readFileSync(path.join(this.state, `${name}.log`), 'utf8'); }

  stop() {
    execFileSync(path.join(ROOT, 'scripts/stop'), ['--state', this.state], {timeout: 60_000});
    fs.rmSync(this.state, {recursive: true, force: true});
  }

  cli(...words) {
    const at = this.options.indexOf('--bin');
    const bin = at < 0 ? path.join(ROOT, 'build/bin') : this.options[at + 1];
    const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PRISMATIC_')));
    return JSON.parse(execFileSync(path.join(bin, 'prismatic'), [...words, '--output', 'json'],
      {encoding: 'utf8', env: {...kept, ...this.env}, timeout: 60_000}));
  }

  // As a client of the public API. {status, body}.
  async generate(fields = {}, key = this.env.PRISMATIC_API_KEY) {
    const answer = await fetch(`${this.env.PRISMATIC_BASE_URL}/images/generations`, {
      method: 'POST', headers: {authorization: `Bearer ${key}`, 'content-type': 'application/json'},
      body: JSON.stringify({model: 'imagen-4', prompt: 'a pier', size: '256x256', ...fields})});
    return {status: answer.status, body: await answer.json()};
  }

  // The admin API as a machine calls it. {status, body}.
  async admin(method, target, body, token = this.env.PRISMATIC_ADMIN_TOKEN) {
    const answer = await fetch(`${this.adminUrl}/admin/v1/${target}`, {
      method, headers: {authorization: `Bearer ${token}`, ...(body ? {'content-type': 'application/json'} : {})},
      body: body ? JSON.stringify(body) : undefined});
    const text = await answer.text();
    return {status: answer.status, body: text ? JSON.parse(text) : null};
  }
}

// What must not happen in any test: an error on the console, an exception, a refusal of the content security policy.
export class Complaints {
  constructor() {
    this.seen = [];
    this.expected = [];
  }
  watch(page) {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.note(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.note(`exception: ${error}`));
  }
  note(text) {
    if (!this.expected.some((pattern) => pattern.test(text))) this.seen.push(text);
  }
  // Chromium writes every answer above 399 to the console, also those that the page is ready for.
  expect(...patterns) { this.expected.push(...patterns); }
}

export async function openBrowser() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--no-first-run'],
  });
}

export async function waitFor(what, condition, patience = PATIENCE_MS) {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${patience} ms`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}
