// The admin page as somebody uses it: one tab, signed in or not, and what must never be seen in it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {Complaints, PATIENCE_MS} from './suite.mjs';

// Chromium writes every refused request to the console; those that a test brings about are named by their status.
const refusedWith = (status) => new RegExp(`Failed to load resource: .*status of ${status}\\b`);

// PRISMATIC_PAGE=DIR: the page's files are those of DIR, without a build; their headers are the gateway's.
const PAGE = process.env.PRISMATIC_PAGE;
const TYPES = {'.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html'};

async function unbuilt(route) {
  const response = await route.fetch({url: new URL('/', route.request().url()).href});
  const file = path.join(PAGE, new URL(route.request().url()).pathname.replace(/\/$/, '/index.html'));
  await route.fulfill({response, body: fs.readFileSync(file), headers: {...response.headers(), 'content-type': TYPES[path.extname(file)]}});
}

export class AdminPage {
  static async open(browser, suite, options = {}) {
    const admin = new AdminPage();
    admin.suite = suite;
    admin.context = await browser.newContext({viewport: {width: 1280, height: 900}, ...options});
    if (PAGE) await admin.context.route((url) => !url.pathname.startsWith('/admin/v1/'), unbuilt);
    admin.complaints = new Complaints();
    admin.tab = await admin.context.newPage();
    admin.tab.setDefaultTimeout(PATIENCE_MS);
    admin.complaints.watch(admin.tab);
    return admin;
  }

  // With nothing on the console but refusals of these statuses.
  async close(...refusals) {
    await this.context.close();
    const unexpected = this.complaints.seen.filter((text) => !refusals.some((status) => refusedWith(status).test(text)));
    assert.deepEqual(unexpected, []);
  }

  at(testid, within = this.tab) { return within.getByTestId(testid); }
  // The row of a table that begins with this name.
  row(kind, name) { return this.at(`${kind}-row`).filter({has: this.tab.getByText(name, {exact: true})}); }
  async fill(field, value) { await this.at(`field-${field}`).fill(value); }
  async text(testid) { return (await this.at(testid).first().innerText()).trim(); }

  async go(place) {
    await this.tab.goto(`${this.suite.adminUrl}/#/${place}`);
    await this.at(`view-${place.split('/')[0]}`).waitFor();
  }

  async tryToSignIn(name, password) {
    await this.at('sign-in-name').fill(name);
    await this.at('sign-in-password').fill(password);
    await this.at('sign-in-submit').click();
  }

  async signIn(name = 'owner', password = this.suite.ownerPassword) {
    await this.tab.goto(this.suite.adminUrl);
    await this.tryToSignIn(name, password);
    await this.at('view-overview').waitFor();
  }

  async submitDialog() { await this.at('dialog-submit').click(); }
  async submitDialogOf(dialog) { await this.at('dialog-submit', this.at(dialog)).click(); }

  // The secret of the dialog that shows it once.
  async takeSecret() {
    const secret = await this.text('secret');
    await this.at('secret-stored').click();
    await this.at('secret-dialog').waitFor({state: 'detached'});
    return secret;
  }

  async createAccount(name, walletUsd) {
    await this.go('accounts');
    await this.at('create-account').first().click();
    await this.fill('name', name);
    await this.fill('wallet_usd', walletUsd);
    await this.submitDialog();
    // What comes next is a key.
    await this.at('create-key').first().waitFor();
    await this.go(`accounts/${name}`);
    await this.at('balance').waitFor();
  }

  async createKey(account) {
    await this.go(`accounts/${account}/keys`);
    await this.at('create-key').first().click();
    await this.submitDialog();
    return this.takeSecret();
  }
}
