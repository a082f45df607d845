// The cookie, the visit counter, the messages, and what «how it works» says of them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { COOKIE, addToCart, cart, launch, messages, newcomer, signIn, stamp, user, visits } from './browser.mjs';
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

test('the counter counts every visit', async () => {
  const page = await newcomer(browser, site);
  for (const visit of [1, 2, 3]) {
    await page.goto('/');
    assert.equal(await visits(page), visit);
  }
});

test('20 visits at once are counted as 20, and no number is given twice', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/');
  const { request } = page.context();
  const answers = await Promise.all(Array.from({ length: 20 }, () => request.get('/')));
  const numbers = await Promise.all(
    answers.map(async (answer) => Number(/id="visits"[^>]*>(\d+)</.exec(await answer.text())[1])),
  );
  assert.deepEqual(
    numbers.sort((one, other) => one - other),
    Array.from({ length: 20 }, (_, index) => index + 2),
  );
  await page.goto('/');
  assert.equal(await visits(page), 22);
});

test('a message is shown once', async () => {
  const page = await newcomer(browser, site);
  await addToCart(page, 'Ink pad');
  assert.equal((await messages(page)).length, 1);
  await page.reload();
  assert.deepEqual(await messages(page), []);
});

test('the cookie is for this site, for no script, and has no data', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, 'Ada');
  const { domain, httpOnly, path, sameSite, value } = await stamp(page);
  assert.deepEqual({ domain, httpOnly, path, sameSite }, {
    domain: '127.0.0.1',
    httpOnly: true,
    path: '/',
    sameSite: 'Lax',
  });
  assert.match(value, /^s%3A[\w-]{32}\.[\w%]+$/);
  assert.equal(await page.evaluate(() => document.cookie), '');
});

test('a tampered cookie is a new visitor, and the right one still opens the session', async () => {
  const page = await newcomer(browser, site);
  await addToCart(page, 'UV torch');
  await signIn(page, 'Tamper');
  const right = await stamp(page);

  const letter = right.value.at(10) === 'A' ? 'B' : 'A';
  const wrong = `${right.value.slice(0, 10)}${letter}${right.value.slice(11)}`;
  await page.context().addCookies([{ ...right, value: wrong }]);
  await page.goto('/');
  assert.equal(await user(page), null);
  assert.equal(await visits(page), 1);
  assert.match((await messages(page))[0], /the stamp was altered\. You are a new visitor/);
  assert.notEqual((await stamp(page)).value, wrong, 'an id that we did not make is never adopted');
  assert.deepEqual(await cart(page), {});

  await page.context().addCookies([right]);
  await page.goto('/');
  assert.equal(await user(page), 'Tamper');
  assert.deepEqual(await cart(page), { 'UV torch': 1 });
});

test('«how it works» counts the bytes of the real cookie and the real document', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/');
  await addToCart(page, 'Ink pad');
  await signIn(page, 'Counter');
  await page.goto('/how-it-works');
  const { value } = await stamp(page);
  const number = async (id) => Number(await page.locator(id).getAttribute('value'));
  assert.equal(await number('#cookie-bytes'), `${COOKIE}=${value}`.length);

  const text = await page.locator('main').innerText();
  const shown = /s%3A[^\s]+/.exec(text)[0];
  const [start, end] = shown.split('…');
  assert(value.startsWith(start) && value.endsWith(end), `${shown} is the cookie’s beginning and end`);
  assert(!(await page.content()).includes(value.slice(12, -12)), 'the page does not give the cookie away');

  const rows = await page.locator('table.document td.bytes').allTextContents();
  const sum = rows.reduce((total, bytes) => total + Number(bytes.replace(',', '')), 0);
  assert.equal(sum, await number('#document-bytes'));
  const members = Object.fromEntries(
    await Promise.all(
      (await page.locator('table.document tbody tr:has(td code)').all()).map(async (row) => [
        await row.locator('th code').textContent(),
        await row.locator('td code').textContent(),
      ]),
    ),
  );
  assert.equal(members.cart, '{"ink-pad":1}');
  assert.equal(members.visits, '2');
  assert.equal(members.name, '"Counter"');
  assert.equal(JSON.parse(members.__handstamp).owner, 'counter');
});

test('of a visitor of whom nothing is known nothing is stored, and she gets no cookie', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/how-it-works');
  assert.equal(await page.getByText('Nothing is known of you.').count(), 1);
  assert.equal(await stamp(page), undefined);
});

test('forms need the token of their own session', async () => {
  const page = await newcomer(browser, site);
  const other = await newcomer(browser, site);
  await page.goto('/shop');
  await other.goto('/shop');
  const foreign = await other.locator('input[name=csrf]').first().inputValue();
  const { request } = page.context();
  const add = (form) => request.post('/shop', { form: { product: 'ink-pad', ...form }, maxRedirects: 0 });
  assert.equal((await add({ csrf: foreign })).status(), 403);
  assert.equal((await add({ csrf: '' })).status(), 403);
  assert.equal((await add({})).status(), 400);
  assert.deepEqual(await cart(page), {});
});
