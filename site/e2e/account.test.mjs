// Signing in and out, and «keep me signed in».

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Profile, addToCart, cart, launch, messages, newcomer, press, signIn, stamp, user } from './browser.mjs';
import { Site } from './site.mjs';

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

test('a free name becomes the visitor’s, and signing in again needs its password', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, 'Ada');
  assert.deepEqual(await messages(page), ['Welcome, Ada. The name is yours from now on.']);
  assert.equal(await user(page), 'Ada');

  await press(page, 'Sign out');
  assert.deepEqual(await messages(page), ['You are signed out, and your session is gone from the server.']);
  assert.equal(await user(page), null);

  await signIn(page, 'ADA', { password: 'wrong horse battery' });
  assert.deepEqual(await messages(page), ['This name is taken, and that is not its password.']);
  assert.equal(await user(page), null);
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'ADA', 'the name need not be typed again');

  await signIn(page, 'ada');
  assert.deepEqual(await messages(page), ['Welcome back, Ada.']);
});

test('signing in replaces the stamp and makes the old one worthless', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/');
  const before = await stamp(page);
  await signIn(page, 'Fixed');
  assert.notEqual((await stamp(page)).value, before.value);

  const thief = await newcomer(browser, site);
  await thief.context().addCookies([before]);
  await thief.goto('/devices');
  assert.equal(await user(thief), null);
});

test('signing out ends the session on the server, not only in the browser', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, 'Leaving');
  const kept = await stamp(page);
  await press(page, 'Sign out');

  await page.context().addCookies([kept]);
  await page.goto('/devices');
  assert.equal(await user(page), null);
});

test('another user of the same browser does not get the former one’s cart', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, 'First');
  await addToCart(page, 'Ink pad');
  await signIn(page, 'Second');
  assert.equal(await user(page), 'Second');
  assert.deepEqual(await cart(page), {});
});

test('names and passwords out of bounds are refused with a word of why', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/sign-in');
  const csrf = await page.locator('form.sheet input[name=csrf]').inputValue();
  const refused = async (name, password, why) => {
    const form = { csrf, name, password };
    await page.context().request.post('/sign-in', { form, maxRedirects: 0 });
    await page.goto('/sign-in');
    assert.deepEqual(await messages(page), [why]);
  };
  await refused(' ', PASSWORD_OF_9, 'A name has 1 to 40 characters.');
  await refused('a'.repeat(41), PASSWORD_OF_9, 'A name has 1 to 40 characters.');
  await refused('short', '1234567', 'A password has 8 to 128 characters.');
  await refused('long', 'x'.repeat(129), 'A password has 8 to 128 characters.');
  assert.equal(await user(page), null);
});

const PASSWORD_OF_9 = '123456789';

test('closing the browser ends a session without «keep me signed in»', async () => {
  const profile = new Profile();
  const first = await profile.open(site);
  const page = await first.newPage();
  await signIn(page, 'Brief');
  assert.equal(await user(page), 'Brief');
  assert.equal((await stamp(page)).expires, -1, 'the cookie has no date');
  await first.close();

  const second = await profile.open(site);
  const again = await second.newPage();
  await again.goto('/');
  assert.equal(await user(again), null);
  await second.close();
});

test('closing the browser keeps a session with «keep me signed in»', async () => {
  const profile = new Profile();
  const first = await profile.open(site);
  const page = await first.newPage();
  await signIn(page, 'Lasting', { keep: true });
  const days = ((await stamp(page)).expires - Date.now() / 1000) / 86400;
  assert(days > 29.9 && days <= 30, `the cookie lives for 30 days, not ${days}`);
  await first.close();

  const second = await profile.open(site);
  const again = await second.newPage();
  await again.goto('/');
  assert.equal(await user(again), 'Lasting');
  await second.close();
});

test('a later sign-in without «keep me signed in» takes the date off the cookie again', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, 'Changing', { keep: true });
  await signIn(page, 'Changing');
  assert.equal((await stamp(page)).expires, -1);
});
