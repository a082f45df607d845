// «My devices»: several browsers of one user.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, messages, newcomer, press, signIn, user } from './browser.mjs';
import { Site } from './site.mjs';

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1';

let browser;
let site;

before(async () => {
  site = await Site.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

/** One user in three browsers; the first is on her page of devices. */
async function threeBrowsers(name) {
  const chrome = await newcomer(browser, site);
  const firefox = await newcomer(browser, site, { userAgent: FIREFOX });
  const safari = await newcomer(browser, site, { userAgent: SAFARI });
  for (const page of [chrome, firefox, safari]) await signIn(page, name);
  await chrome.goto('/devices');
  return { chrome, firefox, safari };
}

function names(page) {
  return page.locator('.device h2').allTextContents();
}

test('all browsers of a user are listed, with this one marked', async () => {
  const { chrome } = await threeBrowsers('Ada');
  assert.deepEqual((await names(chrome)).sort(), ['Chrome on Linux', 'Firefox on Windows', 'Safari on iPhone']);
  const this_ = chrome.locator('.device[aria-current=true]');
  assert.equal(await this_.locator('h2').textContent(), 'Chrome on Linux');
  assert.equal(await this_.getByText('this browser').count(), 1);
  const firefox = chrome.locator('.device', { hasText: 'Firefox on Windows' });
  assert.match(await firefox.textContent(), /Address127\.0\.0\.1Signed injust now.*UTCLast seenjust now.*UTC/);
});

test('signing out one device ends it at its next click and leaves the others', async () => {
  const { chrome, firefox, safari } = await threeBrowsers('Grace');
  const card = chrome.locator('.device', { hasText: 'Firefox on Windows' });
  await Promise.all([chrome.waitForNavigation(), card.getByRole('button').click()]);
  assert.deepEqual(await messages(chrome), ['That device is signed out.']);
  assert.deepEqual((await names(chrome)).sort(), ['Chrome on Linux', 'Safari on iPhone']);

  await press(firefox, 'My devices', 'link');
  assert.equal(await user(firefox), null);
  await press(safari, 'My devices', 'link');
  assert.equal(await user(safari), 'Grace');
});

test('«sign out everywhere else» ends the other browsers at their next click', async () => {
  const { chrome, firefox, safari } = await threeBrowsers('Edsger');
  await press(chrome, 'Sign out everywhere else');
  assert.deepEqual(await messages(chrome), ['2 other devices are signed out.']);
  assert.deepEqual(await names(chrome), ['Chrome on Linux']);
  assert.equal(await user(chrome), 'Edsger');

  for (const page of [firefox, safari]) {
    await press(page, 'Shop', 'link');
    assert.equal(await user(page), null);
    assert.match((await messages(page))[0], /signed out from elsewhere.*You are a new visitor/);
  }
});

test('a form of a browser that was signed out elsewhere changes nothing and says why', async () => {
  const { chrome, firefox } = await threeBrowsers('Barbara');
  await firefox.goto('/shop');
  await press(chrome, 'Sign out everywhere else');
  await press(firefox, 'Add to cart: Ink pad');
  assert.equal(await firefox.getByRole('heading', { level: 1 }).textContent(), 'This form is out of date');
  await firefox.goto('/cart');
  assert.equal(await firefox.getByText('It is empty.').count(), 1);
});

test('nobody signs out another user’s device', async () => {
  const victim = await newcomer(browser, site);
  await signIn(victim, 'Victim');
  await victim.goto('/devices');
  const fingerprint = (await victim.locator('.device code').textContent()).slice(1);

  const { chrome } = await threeBrowsers('Mallory');
  const csrf = await chrome.locator('.device input[name=csrf]').first().inputValue();
  await chrome.context().request.post('/devices/sign-out', { form: { csrf, session: fingerprint } });
  await victim.goto('/devices');
  assert.equal(await user(victim), 'Victim');
});

test('who is not signed in is asked to sign in', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/devices');
  assert.equal(await page.locator('main').getByRole('link', { name: 'Sign in' }).count(), 1);
});
