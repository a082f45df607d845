// The cart: over pages, through sign-in, with two tabs at once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { addToCart, cart, launch, messages, newcomer, press, signIn } from './browser.mjs';
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

test('the cart follows from page to page', async () => {
  const page = await newcomer(browser, site);
  await addToCart(page, 'Ink pad');
  assert.deepEqual(await messages(page), ['Ink pad is in your cart, which holds 1 item now.']);
  await addToCart(page, 'Ink pad');
  await addToCart(page, 'UV torch');
  for (const path of ['/', '/how-it-works', '/devices', '/sign-in']) {
    await page.goto(path);
    assert.equal(await page.getByRole('link', { name: 'Cart, 3 items' }).count(), 1, path);
  }
  assert.deepEqual(await cart(page), { 'Ink pad': 2, 'UV torch': 1 });
  assert.equal(await page.locator('#total').textContent(), '€24.00');
});

test('pieces can be added and taken out', async () => {
  const page = await newcomer(browser, site);
  await addToCart(page, 'Date stamp');
  await addToCart(page, 'Wristbands');
  await page.goto('/cart');
  await press(page, 'One more: Date stamp');
  assert.deepEqual(await messages(page), ['One more: Date stamp.']);
  await press(page, 'Take out: Wristbands');
  assert.deepEqual(await cart(page), { 'Date stamp': 2 });
  await press(page, 'One less: Date stamp');
  await press(page, 'One less: Date stamp');
  assert.deepEqual(await cart(page), {});
  assert.equal(await page.getByText('It is empty.').count(), 1);
});

test('an anonymous visitor’s cart comes along when she signs in', async () => {
  const page = await newcomer(browser, site);
  await addToCart(page, 'Wax and seal');
  await signIn(page, 'Shopper');
  assert.deepEqual(await messages(page), [
    'Welcome, Shopper. The name is yours from now on. Your cart has come with you.',
  ]);
  assert.deepEqual(await cart(page), { 'Wax and seal': 1 });
});

test('what two tabs put into the cart at once is all in it', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/shop');
  const csrf = await page.locator('input[name=csrf]').first().inputValue();
  const add = (product) =>
    page.context().request.post('/shop', { form: { csrf, product }, maxRedirects: 0 });
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => ['ink-pad', 'tickets']).flat().map(add),
  );
  assert(answers.every((answer) => answer.status() === 303));
  assert.deepEqual(await cart(page), { 'Ink pad': 10, 'Roll of tickets': 10 });
});
