// Every view at a desk's width and a phone's, bright and dark: nothing overflows, nothing that axe-core calls serious.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {AdminPage} from './page.mjs';
import {Suite, openBrowser} from './suite.mjs';

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['overview', 'providers', 'models', 'accounts', 'accounts/acme', 'accounts/acme/keys', 'accounts/acme/ledger',
  'accounts/acme/changes', 'playground', 'catalog', 'catalog/history', 'audit', 'operators'];
// Where it is opened, what opens it.
const DIALOGS = [['providers', 'test-provider'], ['providers', 'edit-provider'], ['models', 'edit-model'], ['accounts', 'create-account'],
  ['accounts/acme', 'top-up'], ['accounts/acme', 'edit-limits'], ['accounts/acme/keys', 'create-key'],
  ['catalog/history', 'rollback'], ['operators', 'create-operator'], ['playground', 'copy-as-code']];
const SHOTS = process.env.PRISMATIC_SCREENSHOTS;

let suite, browser;

before(async () => {
  suite = await Suite.start();
  browser = await openBrowser();
  suite.cli('account', 'create', 'acme', '--wallet-usd', '20', '--quota', '50', '--quota-period', 'month', '--requests-per-minute', '600');
  const key = suite.cli('key', 'create', '--account', 'acme').api_key;
  for (let i = 0; i < 4; ++i) await suite.generate({n: 2}, key);
  suite.cli('provider', 'images', 'sandbox-chat', 'off');
  suite.cli('provider', 'images', 'sandbox-chat', 'on');
  suite.cli('model', 'price', 'imagen-4', '--usd', '0.05');
});
after(async () => {
  await browser?.close();
  suite?.stop();
});

async function atRest(page) {
  await page.tab.waitForLoadState('networkidle');
  await page.tab.waitForFunction(() => !document.querySelector('[data-testid="loading"]'));
  await page.tab.evaluate(() => Promise.all(document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().iterations !== Infinity).map((each) => each.finished.catch(() => {}))));
}

async function findings(page) {
  await page.tab.evaluate(AXE);
  const {violations} = await page.tab.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
  return violations.filter(({impact}) => impact === 'serious' || impact === 'critical')
    .map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html.slice(0, 160)).join(' | ')}`);
}

async function keep(page, name) {
  if (SHOTS) await page.tab.screenshot({path: path.join(SHOTS, `${name.replaceAll('/', '-')}.png`), fullPage: true});
}

for (const [width, scheme] of [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]) {
  test(`every view at ${width} pixels, ${scheme}`, async () => {
    const page = await AdminPage.open(browser, suite, {viewport: {width, height: 900}, colorScheme: scheme});
    await page.tab.goto(suite.adminUrl);
    await page.at('sign-in').waitFor();
    assert.deepEqual(await findings(page), [], 'sign-in');
    await keep(page, `sign-in-${width}-${scheme}`);
    await page.signIn();
    for (const view of VIEWS) {
      await page.go(view);
      await atRest(page);
      assert.deepEqual(await findings(page), [], view);
      const wider = await page.tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wider <= 0, `${view} is ${wider} pixels wider than the screen`);
      await keep(page, `${view}-${width}-${scheme}`);
    }
    for (const [view, opener] of DIALOGS) {
      await page.go(view);
      await atRest(page);
      await page.at(opener).first().click();
      await page.tab.locator('dialog[open]').first().waitFor();
      await atRest(page);
      assert.deepEqual(await findings(page), [], opener);
      await keep(page, `${opener}-${width}-${scheme}`);
      await page.tab.keyboard.press('Escape');
    }
    await page.close();
  });
}
