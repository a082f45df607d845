// The server goes and comes back.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { addToCart, cart, launch, newcomer, signIn, user } from './browser.mjs';
import { Site } from './site.mjs';

let browser;
let site;

before(async () => {
  browser = await launch();
});

afterEach(() => site?.stop());

after(() => browser?.close());

test('after a restart a user is still signed in and has her cart', async () => {
  site = await Site.start();
  const page = await newcomer(browser, site);
  await addToCart(page, 'UV torch');
  await signIn(page, 'Ada');

  await site.stop();
  await site.startAgain();

  await page.goto('/');
  assert.equal(await user(page), 'Ada');
  assert.deepEqual(await cart(page), { 'UV torch': 1 });

  const elsewhere = await newcomer(browser, site);
  await signIn(elsewhere, 'Ada');
  assert.equal(await user(elsewhere), 'Ada', 'her account is still there, too');
});

test('kill -9 right after an answer loses nothing of what was answered', async () => {
  site = await Site.start();
  const page = await newcomer(browser, site);
  await page.goto('/shop');
  const csrf = await page.locator('input[name=csrf]').first().inputValue();
  for (let round = 1; round <= 5; round += 1) {
    const form = { csrf, product: 'ink-pad' };
    const answer = await page.context().request.post('/shop', { form, maxRedirects: 0 });
    await site.kill();
    assert.equal(answer.status(), 303);
    await site.startAgain();
    assert.deepEqual(await cart(page), { 'Ink pad': round });
  }
});

test('in memory sessions end with the server, and the visitor is told', async () => {
  site = await Site.start({ memory: true });
  const page = await newcomer(browser, site);
  await signIn(page, 'Ada');
  assert.equal(await user(page), 'Ada');

  await site.stop();
  await site.startAgain();

  await page.goto('/devices');
  assert.equal(await user(page), null);
  assert.equal(await page.getByRole('status').getByText('You are a new visitor.').count(), 1);
});
