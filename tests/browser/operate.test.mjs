// What an operator does from the first sign-in to a revoked key, on the admin page and felt by real requests.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {AdminPage} from './page.mjs';
import {Suite, openBrowser, waitFor} from './suite.mjs';

// A change of the catalog is everywhere within this, and a request on top of it.
const SOON_MS = 1000;

let suite, browser, page;

before(async () => {
  suite = await Suite.start();
  browser = await openBrowser();
  page = await AdminPage.open(browser, suite);
  await page.signIn();
});
after(async () => {
  await browser?.close();
  suite?.stop();
});

const imagesSwitch = (provider) => page.at('images-switch', page.row('provider', provider));

async function flipAndFeel(status) {
  const flipped = Date.now();
  await imagesSwitch('sandbox').click();
  await waitFor(`status ${status}`, async () => (await suite.generate()).status === status);
  const took = Date.now() - flipped;
  assert.ok(took < SOON_MS, `felt after ${took} ms`);
}

test('Images off and on again is felt by requests within a second', async () => {
  await page.go('providers');
  await flipAndFeel(503);
  assert.equal(await imagesSwitch('sandbox').getAttribute('aria-checked'), 'false');
  assert.equal((await suite.generate()).body.error.code, 'no_image_route');
  await flipAndFeel(200);
  assert.equal(await imagesSwitch('sandbox').getAttribute('aria-checked'), 'true');
  assert.match(await page.row('provider', 'sandbox').innerText(), /by owner/);
});

test('a provider is tested step by step', async () => {
  await page.go('providers');
  await page.at('test-provider', page.row('provider', 'sandbox')).click();
  await page.at('start-test').click();
  await page.at('test-result').waitFor();
  assert.equal(await page.at('test-result').getAttribute('data-ok'), 'true');
  assert.ok(await page.at('check').count() >= 5);
  await page.tab.keyboard.press('Escape');
});

test('an account is created, topped up, and gets a key whose secret is shown once', async () => {
  await page.createAccount('acme', '1.5');
  assert.equal(await page.text('balance'), '$1.50');
  await page.at('top-up').click();
  await page.fill('amount_usd', '2.25');
  await page.at('field-sure').check();
  await page.submitDialog();
  await page.at('balance').getByText('$3.75').waitFor();
  assert.equal(suite.cli('account', 'show', 'acme').balance_usd, '3.75');
  const key = await page.createKey('acme');
  assert.match(key, /^pk_acme\.1_/);
  assert.equal((await suite.generate({}, key)).status, 200);
  assert.ok(!(await page.tab.content()).includes(key), 'the secret is still on the page');
});

test('a picture made in the playground has the size that was asked for, and stands in the ledger', async () => {
  const key = await page.createKey('acme');
  await page.go('playground');
  await page.fill('api_key', key);
  await page.at('field-model').selectOption('imagen-4');
  await page.fill('prompt', 'A harbour at noon');
  await page.fill('size', '512x384');
  await page.fill('n', '4');
  assert.match(await page.text('play-price'), /^4 pictures: \$0\.16/);
  await page.fill('n', '1');
  assert.match(await page.text('play-price'), /^1 picture: \$0\.04/);
  await page.at('generate').click();
  const picture = page.at('playground-result').locator('img').first();
  await picture.waitFor();
  await picture.evaluate((image) => image.decode());
  assert.deepEqual(await picture.evaluate((image) => [image.naturalWidth, image.naturalHeight]), [512, 384]);
  assert.equal(await page.text('cost'), '$0.04');
  assert.match(await page.text('provider'), /^sandbox/);
  const requestId = (await page.text('request-id')).split(/\s/)[0];

  await page.go('accounts/acme/ledger');
  const entry = page.at('ledger-entry-row').first();
  await entry.waitFor();
  assert.match(await entry.innerText(), /imagen-4/);
  assert.match(await page.at('amount', entry).innerText(), /0\.04/);
  assert.equal(suite.cli('reservation', 'show', `acme.${requestId}`).charge_usd, '0.04');
});

test('the playground says in words why there is no picture, and gives the request as code', async () => {
  await page.go('playground');
  await page.fill('size', '3x3x3');
  await page.at('generate').click();
  await page.at('play-error').waitFor();
  assert.match(await page.text('play-error'), /400/);
  await page.fill('size', '256x256');
  await page.at('copy-as-code').click();
  for (const [language, word] of [['curl', 'curl'], ['node', 'new OpenAI'], ['python', 'OpenAI(']]) {
    await page.at(`code-${language}`).click();
    const code = await page.text('code');
    assert.ok(code.includes(word) && code.includes('PRISMATIC_API_KEY') && code.includes('256x256'), code);
    assert.ok(!code.includes('pk_'), code);
  }
  await page.tab.keyboard.press('Escape');
});

test('four pictures stand two by two below their cost, and a phone goes to them', async () => {
  const key = await page.createKey('acme');
  for (const viewport of [{width: 1280, height: 900}, {width: 390, height: 844}]) {
    await page.tab.setViewportSize(viewport);
    await page.go('playground');
    await page.fill('api_key', key);
    await page.fill('size', '256x256');
    await page.fill('n', '4');
    await page.at('generate').click();
    await waitFor('four pictures', async () => await page.at('picture').count() === 4);
    const boxes = await Promise.all([...Array(4).keys()].map((i) => page.at('picture').nth(i).boundingBox()));
    const columns = new Set(boxes.map(({x}) => Math.round(x))).size;
    assert.equal(columns, viewport.width > 1000 ? 2 : 1, JSON.stringify(boxes));
    const cost = await page.at('cost').boundingBox();
    assert.ok(cost.y > 0 && cost.y < Math.min(viewport.height, boxes[0].y), `the cost stands at ${cost.y}`);
    assert.match(await page.text('play-status'), /4 pictures/);
    assert.equal(await page.text('generate'), 'Make it');
    await page.go('overview');
  }
  await page.tab.setViewportSize({width: 1280, height: 900});
});

test('what was typed and not applied is asked about before it is left', async () => {
  const ask = page.at('confirm');
  const leave = async (way, yes) => {
    await way();
    await ask.waitFor();
    await ask.getByTestId(yes ? 'dialog-submit' : 'dialog-cancel').click();
    await ask.waitFor({state: 'detached'});
  };
  await page.go('catalog');
  await page.at('edit-catalog').click();
  await page.at('catalog-editor').press('a');
  const typed = await page.at('catalog-editor').inputValue();
  const toModels = () => page.at('nav-models').click();
  await leave(toModels, false);
  assert.match(page.tab.url(), /#\/catalog$/);
  assert.equal(await page.at('catalog-editor').inputValue(), typed);
  await leave(() => page.at('cancel-edit').click(), false);
  const asked = page.tab.waitForEvent('dialog');
  await page.tab.close({runBeforeUnload: true});
  const dialog = await asked;
  assert.equal(dialog.type(), 'beforeunload');
  await dialog.dismiss();
  await leave(toModels, true);
  await page.at('view-models').waitFor();
  await page.at('edit-model').first().click();
  await page.at('editor').press('a');
  await leave(() => page.at('editor').press('Escape'), false);
  assert.equal(await page.at('model-dialog').count(), 1);
  await leave(() => page.at('editor').press('Escape'), true);
  await page.at('model-dialog').waitFor({state: 'detached'});
  await page.at('edit-model').first().click();
  await page.at('editor').press('Escape');
  await page.at('model-dialog').waitFor({state: 'detached'});
});

test('a new provider begins with a draft of its kind, which is not valid until it is filled in', async () => {
  await page.go('providers');
  await page.at('add-provider').click();
  for (const [kind, word] of [['Gemini', 'wire_format: gemini'], ['SD API', 'wire_format: sdapi']]) {
    const [option] = await page.at('field-kind').locator('option').filter({hasText: kind}).all();
    await page.at('field-kind').selectOption(await option.getAttribute('value'));
    const text = await page.at('editor').inputValue();
    assert.ok(text.includes(word) && text.includes('images_enabled: false'), text);
    await page.at('validate').click();
    await page.at('yaml-errors').waitFor();
  }
  await page.at('editor').fill((await page.at('editor').inputValue()).replace('name: ', 'name: drawn-here ').replace('base_url: ', 'base_url: http://127.0.0.1:9 '));
  await page.at('validate').click();
  await page.at('what-would-change').waitFor();
  await page.tab.keyboard.press('Escape');
  await page.submitDialogOf('confirm');
});

test('a provider without its credential is not green, and is told of where its Images are on', async () => {
  const yaml = 'name: keyless\nwire_format: openai_images\nbase_url: http://127.0.0.1:9/v1\ncredential: env:PROVIDER_KEY_NOPE\n';
  const {content_version: basedOn} = (await suite.admin('GET', 'providers')).body;
  const made = await suite.admin('POST', 'providers', {yaml: `${yaml}images_enabled: true\n`, based_on: basedOn, force: false, validate_only: false, note: ''});
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await page.go('providers');
  const health = page.at('health', page.row('provider', 'keyless'));
  await waitFor('the health in words', async () => /credential/i.test(await health.innerText().catch(() => '')));
  assert.doesNotMatch(await health.getAttribute('class'), /chip--good/);
  const notice = page.at('notice').filter({hasText: 'keyless'});
  await page.go('overview');
  await notice.waitFor();
  assert.equal(await notice.count(), 1);
  suite.cli('provider', 'images', 'keyless', 'off');
  await page.go('accounts');
  await page.go('overview');
  await page.at('overview-providers').waitFor();
  assert.equal(await notice.count(), 0);
});

test('a model that nobody can make says why', async () => {
  suite.cli('provider', 'images', 'sandbox-fal', 'off');
  await page.go('models');
  const why = page.at('why-not', page.at('model').and(page.tab.locator('[data-model="sandbox-fal"]')));
  await why.waitFor();
  assert.match(await why.innerText(), /Images of sandbox-fal are off/);
  suite.cli('provider', 'images', 'sandbox-fal', 'on');
});

test('an adjustment that takes money asks for a tick', async () => {
  await page.go('accounts/acme');
  await page.at('adjust').click();
  await page.fill('reason', 'a mistake');
  await page.fill('amount_usd', '0.5');
  assert.equal(await page.at('field-sure').isVisible(), false);
  await page.fill('amount_usd', '-0.5');
  await page.submitDialog();
  assert.equal(await page.at('adjustments-dialog').count(), 1);
  await page.at('field-sure').check();
  await page.submitDialog();
  await page.at('adjustments-dialog').waitFor({state: 'detached'});
});

test('the audit log is filtered by who and by action', async () => {
  await page.go('audit');
  await page.at('audit-row').first().waitFor();
  const all = await page.at('audit-row').count();
  await page.fill('who', 'owner');
  await page.fill('action', 'adjust');
  await page.at('audit-filter').click();
  await waitFor('fewer entries', async () => ![0, all].includes(await page.at('audit-row').count()));
  for (const row of await page.at('audit-row').all()) assert.match(await row.innerText(), /adjust[^]*owner/i);
});

test('an edited price is what the next request is charged', async () => {
  await page.go('models');
  const model = page.at('model').filter({has: page.tab.getByText('imagen-4', {exact: true})}).first();
  await page.at('edit-price', model).click();
  await page.fill('retail_generation_usd', '0.05');
  assert.match(await page.text('price-preview'), /\$50\.00/);
  await page.at('save-price').click();
  await page.tab.getByText('$0.05').first().waitFor();
  const before = suite.cli('account', 'show', 'demo').balance_nano_usd;
  assert.equal((await suite.generate()).status, 200);
  assert.equal(before - suite.cli('account', 'show', 'demo').balance_nano_usd, 50_000_000);
});

test('a revoked key is refused with 401', async () => {
  const key = await page.createKey('acme');
  const row = page.at('key-row').filter({hasText: key.split('_')[1]});
  assert.equal((await suite.generate({}, key)).status, 200);
  await page.at('revoke-key', row).click();
  await page.submitDialog();
  await row.getByText('Revoked').waitFor();
  assert.equal((await suite.generate({}, key)).status, 401);
});

test('the ledger is filtered and comes as CSV', async () => {
  await page.go('accounts/acme/ledger');
  await page.at('ledger-entry-row').first().waitFor();
  await page.at('field-type').selectOption('top_up');
  await waitFor('two entries', async () => await page.at('ledger-entry-row').count() === 2);
  const [download] = await Promise.all([page.tab.waitForEvent('download'), page.at('ledger-csv').click()]);
  const text = (await (await download.createReadStream()).toArray()).join('');
  assert.match(text.split('\n')[0], /^account,sequence,type,/);
  assert.equal(text.trim().split('\n').length, 3);
});

test('the catalog is edited as text, with errors at their lines, compared, and rolled back', async () => {
  await page.go('catalog');
  await page.at('edit-catalog').click();
  const text = await page.at('catalog-editor').inputValue();
  await page.at('catalog-editor').fill(text.replace('public_ids:', 'public_idz:'));
  await page.at('validate').click();
  await page.at('yaml-errors').waitFor();
  assert.match(await page.text('yaml-errors'), /public_ids/);
  await page.at('catalog-editor').fill(text.replace('"0.05"', '"0.07"'));
  await page.at('validate').click();
  await page.at('what-would-change').waitFor();
  assert.match(await page.text('what-would-change'), /0\.07/);
  await page.fill('note', 'dearer');
  await page.at('apply').click();
  await page.at('catalog-yaml').waitFor();
  await page.go('catalog/history');
  const newest = page.at('version-row').first();
  await newest.waitFor();
  assert.match(await newest.innerText(), /owner[^]*dearer|dearer[^]*owner/);
  await page.at('rollback').first().click();
  await page.at('confirm-rollback').click();
  await page.at('rollback-dialog').waitFor({state: 'detached'});
  const prices = suite.cli('model', 'list').models.filter((each) => each.public_id === 'imagen-4');
  assert.equal(prices[0].retail_generation_usd, '0.05');
});

test('the audit log tells who did what, from what to what', async () => {
  await page.go('audit');
  await page.at('audit-row').first().waitFor();
  const log = await page.at('view-audit').innerText();
  for (const word of ['owner', 'imagen-4', '0.04', '0.05', 'acme', 'sandbox']) assert.ok(log.includes(word), word);
});

test('nothing was written to the console but refusals that were asked for', async () => {
  await page.close(400, 401, 503);
});
