// What the admin page must withstand: wrong passwords, ended sessions, other origins, hostile names, roles.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {AdminPage} from './page.mjs';
import {ROOT, Suite, openBrowser, waitFor} from './suite.mjs';

let suite, browser;

before(async () => {
  suite = await Suite.start();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  suite?.stop();
});

test('the page stays small: all that is served of it is under 150 KB', async () => {
  let bytes = 0;
  for (const name of fs.readdirSync(path.join(ROOT, 'gateway/admin/page'))) {
    const answer = await fetch(`${suite.adminUrl}/${name}`);
    assert.equal(answer.status, 200, name);
    bytes += (await answer.arrayBuffer()).byteLength;
  }
  assert.ok(bytes < 150_000, `${bytes} bytes`);
});

test('a wrong password is refused in words, and the right one works afterwards', async () => {
  const page = await AdminPage.open(browser, suite);
  await page.tab.goto(suite.adminUrl);
  await page.tryToSignIn('owner', 'not the password');
  await page.at('error').waitFor();
  assert.equal(await page.at('view-overview').count(), 0);
  await page.tryToSignIn('owner', suite.ownerPassword);
  await page.at('view-overview').waitFor();
  const cookies = await page.context.cookies();
  assert.deepEqual(cookies.map(({name, httpOnly, secure, sameSite, path}) => ({name, httpOnly, secure, sameSite, path})),
    [{name: '__Host-prismatic_session', httpOnly: true, secure: true, sameSite: 'Strict', path: '/'}]);
  await page.close(401);
});

test('a session that has ended asks for the password over the present view and loses nothing that was typed', async () => {
  const page = await AdminPage.open(browser, suite);
  await page.signIn();
  await page.go('accounts');
  await page.at('create-account').first().click();
  await page.fill('name', 'typed-before');
  const [cookie] = await page.context.cookies();
  const ended = await fetch(`${suite.adminUrl}/admin/v1/session`, {method: 'DELETE', headers: {authorization: `Bearer ${cookie.value}`}});
  assert.equal(ended.status, 204);
  await page.submitDialog();
  const again = page.at('sign-in-again');
  await again.waitFor();
  await again.getByTestId('sign-in-password').fill(suite.ownerPassword);
  await again.getByTestId('sign-in-submit').click();
  await again.waitFor({state: 'detached'});
  // What was asked for when the session ended is done now, with what was typed.
  await page.at('create-key').first().waitFor();
  assert.equal(suite.cli('account', 'show', 'typed-before').name, 'typed-before');
  await page.close(401);
});

test('signing out ends the session at the server', async () => {
  const page = await AdminPage.open(browser, suite);
  await page.signIn();
  const [cookie] = await page.context.cookies();
  await page.at('sign-out').click();
  await page.at('sign-in').waitFor();
  assert.equal((await suite.admin('GET', 'session', null, cookie.value)).status, 401);
  await page.close(401);
});

// A page of another origin, as an attacker would make it, in the browser of somebody who is signed in.
async function attack(page, host, script) {
  const server = http.createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>other</title>');
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  try {
    const other = await page.context.newPage();
    await other.goto(`http://${host}:${server.address().port}/`);
    return await other.evaluate(script, suite.adminUrl);
  } finally {
    server.close();
  }
}

// The second is of the same site, so that the browser sends the session along.
for (const host of ['localhost', '127.0.0.1']) test(`a page of another origin, ${host}, can neither change nor read nor frame anything`, async () => {
  const page = await AdminPage.open(browser, suite);
  await page.signIn();
  const outcome = await attack(page, host, async (admin) => {
    const tell = async (promise) => { try { return (await promise).type; } catch (error) { return error.name; } };
    const post = (headers) => fetch(`${admin}/admin/v1/providers/sandbox/images`, {method: 'POST', credentials: 'include',
      mode: headers ? 'cors' : 'no-cors', headers, body: '{"enabled": false}'});
    const frame = document.createElement('iframe');
    const framed = new Promise((resolve) => { frame.onload = () => resolve(frame.contentDocument ? 'own' : 'other'); });
    frame.src = admin;
    document.body.append(frame);
    const form = document.createElement('form');
    Object.assign(form, {action: `${admin}/admin/v1/accounts`, method: 'POST', enctype: 'text/plain', target: 'sink'});
    form.innerHTML = '<input name=\'{"name":"forged","x":"\' value=\'"}\'>';
    const sink = document.createElement('iframe');
    sink.name = 'sink';
    document.body.append(sink, form);
    form.submit();
    return {simple: await tell(post()), json: await tell(post({'content-type': 'application/json'})),
      read: await tell(fetch(`${admin}/admin/v1/session`, {credentials: 'include'})), framed: await framed};
  });
  assert.equal(outcome.json, 'TypeError');
  assert.equal(outcome.read, 'TypeError');
  assert.equal((await suite.generate()).status, 200, 'the switch was flipped');
  const accounts = (await suite.admin('GET', 'accounts')).body.accounts.map((each) => each.name);
  assert.ok(!accounts.includes('forged'));
  const headers = (await fetch(suite.adminUrl)).headers;
  assert.match(headers.get('content-security-policy'), /frame-ancestors 'none'/);
  await page.context.close();
});

const HOSTILE = ['<script>window.hacked=1</script>', '"><img src=x onerror=window.hacked=1>', '\u202Eevil\u202C', "'; drop", '</bdi>'];

test('hostile names are text', async () => {
  const yaml = (await suite.admin('GET', 'catalog')).body;
  const models = HOSTILE.map((owner, number) => `  - name: hostile-${number}\n    public_ids: [hostile-${number}]\n`
    + `    owned_by: ${JSON.stringify(owner)}\n    capabilities: [image_generation]\n`).join('');
  const applied = await suite.admin('POST', 'catalog', {yaml: `${yaml.yaml.trimEnd()}\n${models}`, note: HOSTILE[0], based_on: null,
    force: false, validate_only: false, drop_overrides: false});
  assert.equal(applied.status, 200, JSON.stringify(applied.body));
  const page = await AdminPage.open(browser, suite);
  await page.signIn();
  await page.createAccount('hostile', '1');
  for (const [number, reason] of HOSTILE.entries()) {
    const done = await suite.admin('POST', 'accounts/hostile/adjustments',
      {amount_usd: '0.01', reason: reason.replaceAll(/[\u202C\u202E]/g, ''), request_id: `r${number}`});
    assert.equal(done.status, 200, JSON.stringify(done.body));
  }
  for (const place of ['models', 'catalog', 'catalog/history', 'audit', 'accounts', 'accounts/hostile', 'accounts/hostile/ledger',
    'accounts/hostile/changes', 'overview']) {
    await page.go(place);
    await page.tab.waitForLoadState('networkidle');
    assert.equal(await page.tab.evaluate(() => window.hacked), undefined, place);
    assert.equal(await page.tab.evaluate(() => document.querySelectorAll('main script, main img[src="x"]').length), 0, place);
  }
  await page.go('accounts/hostile/ledger');
  await page.tab.getByText(HOSTILE[0]).first().waitFor();
  await page.go('models');
  await page.tab.getByText(HOSTILE[0]).first().waitFor();
  await page.close();
});

test('a viewer is offered nothing that it may not do, and is refused when it tries', async () => {
  const made = await suite.admin('POST', 'operators', {name: 'looker', role: 'viewer'});
  assert.equal(made.status, 201);
  const page = await AdminPage.open(browser, suite);
  await page.signIn('looker', made.body.password);
  for (const [place, hooks] of [['providers', ['add-provider', 'images-switch', 'test-provider']], ['models', ['edit-price', 'add-model']],
    ['accounts', ['create-account']], ['accounts/demo', ['top-up', 'suspend', 'adjust', 'edit-limits']],
    ['accounts/demo/keys', ['create-key', 'revoke-key']], ['catalog', ['edit-catalog']], ['operators', ['create-operator']]]) {
    await page.go(place);
    await page.tab.waitForLoadState('networkidle');
    for (const hook of hooks) assert.equal(await page.at(hook).count(), 0, `${hook} in ${place}`);
  }
  const refused = await page.tab.evaluate(async () => {
    const {csrf_token: token} = await (await fetch('/admin/v1/session')).json();
    const answer = await fetch('/admin/v1/providers/sandbox/images', {method: 'POST', body: '{"enabled": false}',
      headers: {'content-type': 'application/json', 'x-csrf-token': token}});
    return [answer.status, (await answer.json()).error.code];
  });
  assert.deepEqual(refused, [403, 'ROLE_NOT_ALLOWED']);
  await page.close(403);
});

test('an operator edits entries, and is told in words what takes an owner', async () => {
  const made = await suite.admin('POST', 'operators', {name: 'doer', role: 'operator'});
  const page = await AdminPage.open(browser, suite);
  await page.signIn('doer', made.body.password);
  await page.go('providers');
  await page.at('edit-provider', page.row('provider', 'sandbox')).click();
  assert.equal(await page.at('remove').count(), 0);
  assert.equal(await page.at('add-provider').count(), 0);
  const text = await page.at('editor').inputValue();
  await page.at('editor').fill(text.replace(/base_url: .*/, 'base_url: http://127.0.0.1:9/v1'));
  await page.at('validate').click();
  await page.at('what-would-change').waitFor();
  assert.match(await page.text('what-would-change'), /Only an owner may change `providers\[sandbox\]\.base_url`/);
  assert.equal(await page.at('apply').isVisible(), false);
  await page.at('editor').fill(text.replace(/max_concurrent: .*/, 'max_concurrent: 77'));
  await page.at('validate').click();
  await page.at('apply').click();
  await page.at('provider-dialog').waitFor({state: 'detached'});
  const {providers} = (await suite.admin('GET', 'providers')).body;
  assert.equal(providers.find((each) => each.name === 'sandbox').max_concurrent, 77);
  await page.close(403);
});

test('an operator whose rights are taken is out at once', async () => {
  const made = await suite.admin('POST', 'operators', {name: 'leaver', role: 'operator'});
  const page = await AdminPage.open(browser, suite);
  await page.signIn('leaver', made.body.password);
  assert.equal((await suite.admin('PATCH', 'operators/leaver', {disabled: true})).status, 200);
  await page.tab.goto(`${suite.adminUrl}/#/providers`);
  await page.at('sign-in-again').or(page.at('sign-in')).first().waitFor();
  await page.close(401);
});

test('the page says so when the API fails, and goes on when it is well again', async () => {
  const page = await AdminPage.open(browser, suite);
  await page.signIn();
  let failing = true;
  await page.context.route('**/admin/v1/providers', (route) => failing
    ? route.fulfill({status: 503, contentType: 'application/json',
      body: '{"error":{"code":"REGISTRY_UNAVAILABLE","message":"The registry cannot be reached.","param":null,"request_id":"r-1"}}'})
    : route.continue());
  await page.go('providers');
  await page.at('error').waitFor();
  assert.match(await page.text('error'), /registry cannot be reached[^]*r-1/i);
  failing = false;
  await page.at('retry').first().click();
  await page.at('provider-row').first().waitFor();
  await page.close(503);
});

test('everything can be done with the keyboard alone', async () => {
  const page = await AdminPage.open(browser, suite);
  await page.tab.goto(suite.adminUrl);
  await page.at('sign-in-name').focus();
  await page.tab.keyboard.type('owner');
  await page.tab.keyboard.press('Tab');
  await page.tab.keyboard.type(suite.ownerPassword);
  await page.tab.keyboard.press('Enter');
  await page.at('view-overview').waitFor();
  const reach = async (testid) => waitFor(`focus on ${testid}`, async () => {
    await page.tab.keyboard.press('Tab');
    return page.tab.evaluate((id) => document.activeElement?.dataset.testid === id, testid);
  });
  await reach('nav-providers');
  await page.tab.keyboard.press('Enter');
  await page.at('provider-row').first().waitFor();
  await reach('images-switch');
  await page.tab.keyboard.press('Space');
  await page.at('message-good').first().waitFor();
  await waitFor('the switch off', async () => (await suite.generate()).status === 503);
  await page.tab.keyboard.press('Space');
  await waitFor('the switch on', async () => (await suite.generate()).status === 200);
  await page.close();
});
