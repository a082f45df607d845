// One world: the axum half and the Express half share their visitors.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { addToCart, cart, launch, messages, newcomer, press, signIn, stamp, user, visits } from './browser.mjs';
import { Site } from './site.mjs';

const PAGES = ['/', '/shop', '/cart', '/devices'];
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0';

let browser;
let site;
let axum;
let express;

before(async () => {
  site = await Site.start({ express: true });
  ({ url: axum, express } = site);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

/** Which half the page says it comes from. */
function half(page) {
  return page.locator('.halves strong').textContent();
}

/** Follows the strip at the top to the other half. */
async function crossOver(page) {
  await Promise.all([page.waitForNavigation(), page.locator('.halves a').click()]);
}

async function csrf(page) {
  return page.locator('input[name=csrf]').first().inputValue();
}

test('every page says which half it comes from and leads to the same page of the other', async () => {
  const page = await newcomer(browser, site);
  for (const path of PAGES) {
    await page.goto(path);
    assert.equal(await half(page), 'axum, in Rust', path);
    await crossOver(page);
    assert.equal(page.url(), `${express}${path}`);
    assert.equal(await half(page), 'Express, in JavaScript', path);
    await crossOver(page);
    assert.equal(page.url(), `${axum}${path}`);
  }
});

test('pages that only one half has, and those of errors, lead to the other half’s entrance', async () => {
  const page = await newcomer(browser, site);
  for (const [from, other] of [
    [`${axum}/how-it-works`, express],
    [`${axum}/sign-in`, express],
    [`${axum}/nothing`, express],
    [`${express}/nothing`, axum],
  ]) {
    await page.goto(from);
    assert.equal(await page.locator('.halves a').getAttribute('href'), `${other}/`, from);
  }
});

test('visits of both halves are counted together, under one cookie', async () => {
  const page = await newcomer(browser, site);
  await page.goto(`${express}/`);
  assert.equal(await visits(page), 1);
  const made = await stamp(page);
  await page.goto(`${axum}/`);
  assert.equal(await visits(page), 2);
  await page.goto(`${express}/`);
  assert.equal(await visits(page), 3);
  assert.deepEqual(await stamp(page), made);
});

test('the Express half makes the same cookie as the axum half', async () => {
  const attributes = async (half) => {
    const page = await newcomer(browser, site);
    await page.goto(`${half}/`);
    const { value, ...others } = await stamp(page);
    return others;
  };
  const made = await attributes(express);
  assert.deepEqual(made, await attributes(axum));
  assert.equal(made.httpOnly && made.sameSite, 'Lax');
});

test('visits that come to both halves at once are all counted', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/');
  const { request } = page.context();
  await Promise.all(Array.from({ length: 20 }, () => [axum, express]).flat().map((half) => request.get(`${half}/`)));
  await page.goto(`${express}/`);
  assert.equal(await visits(page), 42);
});

test('who signs in on the axum half is signed in on the Express half, under the same name', async () => {
  const page = await newcomer(browser, site);
  await page.goto(`${express}/`);
  assert.equal(await user(page), null);
  await press(page, 'Sign in', 'link', page.locator('header'));
  assert.equal(page.url(), `${axum}/sign-in`);
  await signIn(page, 'Ada Lovelace');
  await crossOver(page);
  assert.equal(await user(page), 'Ada Lovelace');
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Good to see you, Ada Lovelace');
});

test('what is put into the cart on both sides is in one cart', async () => {
  const page = await newcomer(browser, site);
  await addToCart(page, 'Ink pad', express);
  await addToCart(page, 'UV torch');
  await addToCart(page, 'Ink pad');
  await addToCart(page, 'UV torch', express);
  await addToCart(page, 'Date stamp', express);
  const both = { 'Date stamp': 1, 'Ink pad': 2, 'UV torch': 2 };
  assert.deepEqual(await cart(page), both);
  assert.equal(await page.locator('#total').textContent(), '€49.00');
  assert.deepEqual(await cart(page, express), both);
  assert.equal(await page.locator('#total').textContent(), '€49.00');

  await press(page, 'Take out: UV torch');
  await crossOver(page);
  await press(page, 'One less: Ink pad');
  assert.deepEqual(await cart(page, express), { 'Date stamp': 1, 'Ink pad': 1 });
});

test('what is put into the cart on both sides at once is all in it', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/shop');
  const token = await csrf(page);
  const add = ([half, product]) =>
    page.context().request.post(`${half}/shop`, { form: { csrf: token, product }, maxRedirects: 0 });
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => [[axum, 'tickets'], [express, 'tickets'], [express, 'ink-pad']]).flat().map(add),
  );
  assert(answers.every((answer) => answer.status() === 303));
  assert.deepEqual(await cart(page, express), { 'Ink pad': 10, 'Roll of tickets': 20 });
});

test('the cart comes along when its owner signs in, whichever half it was filled on', async () => {
  const page = await newcomer(browser, site);
  await addToCart(page, 'Wax and seal', express);
  await signIn(page, 'Shopper');
  assert.deepEqual(await cart(page, express), { 'Wax and seal': 1 });
});

test('a message that one half leaves is shown by the other, once', async () => {
  const page = await newcomer(browser, site);
  for (const [from, to] of [[axum, express], [express, axum]]) {
    await page.goto(`${from}/shop`);
    const form = { csrf: await csrf(page), product: 'wristbands' };
    await page.context().request.post(`${from}/shop`, { form, maxRedirects: 0 });
    await page.goto(`${to}/shop`);
    assert.match((await messages(page)).join(), /^Wristbands is in your cart, which holds \d items? now\.$/, `left by ${from}`);
    for (const half of [to, from]) {
      await page.goto(`${half}/shop`);
      assert.deepEqual(await messages(page), []);
    }
  }
});

test('signing out on the Express half is signing out on the axum half', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, 'Leaving');
  await addToCart(page, 'Ink pad');
  const kept = await stamp(page);
  await crossOver(page);
  await press(page, 'Sign out');
  assert.match((await messages(page))[0], /^You are signed out, in both halves/);
  assert.equal(await user(page), null);
  await crossOver(page);
  assert.equal(await user(page), null);
  assert.deepEqual(await cart(page), {});

  await page.context().addCookies([kept]);
  for (const half of [axum, express]) {
    await page.goto(`${half}/devices`);
    assert.equal(await user(page), null, `the former cookie is worthless at ${half}`);
  }
});

test('signing out on the axum half is signing out on the Express half', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, 'Going');
  await press(page, 'Sign out');
  await crossOver(page);
  assert.equal(await user(page), null);
});

for (const side of ['axum', 'express']) {
  test(`a device that is signed out on the ${side} half is out on both`, async () => {
    const [here, there] = side === 'axum' ? [axum, express] : [express, axum];
    const chrome = await newcomer(browser, site);
    const firefox = await newcomer(browser, site, { userAgent: FIREFOX });
    for (const page of [chrome, firefox]) await signIn(page, `Owner by ${side}`);
    await firefox.goto(`${there}/shop`);

    await chrome.goto(`${here}/devices`);
    assert.deepEqual((await chrome.locator('.device h2').allTextContents()).sort(), ['Chrome on Linux', 'Firefox on Windows']);
    const card = chrome.locator('.device', { hasText: 'Firefox on Windows' });
    await Promise.all([chrome.waitForNavigation(), card.getByRole('button').click()]);
    assert.deepEqual(await messages(chrome), ['That device is signed out.']);
    assert.deepEqual(await chrome.locator('.device h2').allTextContents(), ['Chrome on Linux']);

    await press(firefox, 'Add to cart: Ink pad');
    assert.equal(await firefox.getByRole('heading', { level: 1 }).textContent(), 'This form is out of date');
    for (const half of [there, here]) {
      await firefox.goto(`${half}/devices`);
      assert.equal(await user(firefox), null, half);
      await chrome.goto(`${half}/devices`);
      assert.equal(await user(chrome), `Owner by ${side}`, half);
    }
  });
}

test('«sign out everywhere else» on the Express half leaves only this browser', async () => {
  const chrome = await newcomer(browser, site);
  const firefox = await newcomer(browser, site, { userAgent: FIREFOX });
  for (const page of [chrome, firefox]) await signIn(page, 'Edsger');
  await chrome.goto(`${express}/devices`);
  await press(chrome, 'Sign out everywhere else');
  assert.deepEqual(await messages(chrome), ['1 other device is signed out.']);
  assert.equal(await user(chrome), 'Edsger');
  await firefox.goto(`${express}/shop`);
  assert.equal(await user(firefox), null);
  assert.match((await messages(firefox))[0], /signed out from elsewhere/);
});

test('«keep me signed in» goes on for 30 days on the Express half', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, 'Lasting', { keep: true });
  await addToCart(page, 'Ink pad', express);
  const days = ((await stamp(page)).expires - Date.now() / 1000) / 86400;
  assert(days > 29.9 && days <= 30, `the cookie lives for 30 days, not ${days}`);
  await page.goto('/how-it-works');
  assert.equal(await user(page), 'Lasting');
});

test('the two halves agree how long a session lives', async () => {
  const lives = [];
  for (const half of [axum, express]) {
    const page = await newcomer(browser, site);
    await page.goto(`${half}/`);
    await page.goto('/how-it-works');
    const facts = JSON.parse(await page.locator('tr:has(th code:text-is("__handstamp")) td code').textContent());
    lives.push(Math.round((facts.until - facts.created) / 1000));
    assert.match(await page.locator('main').innerText(), /the server forgets you in 30 minutes/, half);
  }
  assert.deepEqual(lives, [12 * 60 * 60, 12 * 60 * 60]);
});

test('forms of the Express half need the token of their own session', async () => {
  const page = await newcomer(browser, site);
  const other = await newcomer(browser, site);
  await page.goto(`${express}/shop`);
  await other.goto(`${express}/shop`);
  const foreign = await csrf(other);
  const { request } = page.context();
  for (const path of ['/shop', '/cart', '/sign-out', '/devices/sign-out', '/devices/sign-out-others']) {
    const post = async (form) => (await request.post(`${express}${path}`, { form, maxRedirects: 0 })).status();
    assert.equal(await post({ csrf: foreign, product: 'ink-pad', step: 'more' }), 403, path);
    assert.equal(await post({ csrf: '', product: 'ink-pad', step: 'more' }), 403, path);
    assert.equal(await post({ product: 'ink-pad', step: 'more' }), 400, path);
  }
  assert.deepEqual(await cart(page, express), {});
});

test('a form of one half is good for the other, for it is one session', async () => {
  const page = await newcomer(browser, site);
  await page.goto(`${express}/shop`);
  const token = await csrf(page);
  await page.goto(`${axum}/shop`);
  assert.equal(await csrf(page), token);
});

test('signing in gives the forms of both halves another token', async () => {
  const page = await newcomer(browser, site);
  await page.goto(`${express}/shop`);
  const before = await csrf(page);
  await signIn(page, 'Renewed');
  await page.goto(`${express}/shop`);
  assert.notEqual(await csrf(page), before);
});

test('what a form of the Express half must not say is refused with a friendly page', async () => {
  const page = await newcomer(browser, site);
  await page.goto(`${express}/shop`);
  const token = await csrf(page);
  const { request } = page.context();
  for (const [path, form, status, title] of [
    ['/shop', { product: 'abacus' }, 400, 'That could not be read'],
    ['/cart', { product: 'ink-pad', step: 'constructor' }, 400, 'That could not be read'],
    ['/shop', { product: 'x'.repeat(20_000) }, 413, 'That could not be read'],
    ['/nothing', {}, 404, 'There is nothing here'],
  ]) {
    const answer = await request.post(`${express}${path}`, { form: { csrf: token, ...form } });
    assert.equal(answer.status(), status, path);
    const text = await answer.text();
    assert(text.includes(`<h1>${title}</h1>`), text);
    assert(!/Error:|at .*\.js|node_modules/.test(text), text);
  }
});

test('both halves work with JavaScript off', async () => {
  const page = await newcomer(browser, site, { javaScriptEnabled: false });
  await addToCart(page, 'Ink pad', express);
  await signIn(page, 'Noscript');
  await crossOver(page);
  assert.equal(await user(page), 'Noscript');
  assert.deepEqual(await cart(page, express), { 'Ink pad': 1 });
  await page.goto(`${express}/devices`);
  await press(page, 'Sign out here');
  await crossOver(page);
  assert.equal(await user(page), null);
});

test('pages of the Express half have no script and nothing from elsewhere, and say so', async () => {
  const page = await newcomer(browser, site);
  const elsewhere = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(express)) elsewhere.push(request.url());
  });
  for (const path of [...PAGES, '/nothing']) {
    const headers = (await page.goto(`${express}${path}`)).headers();
    assert.match(headers['content-security-policy'], /^default-src 'none';.*frame-ancestors 'none'/, path);
    assert.equal(headers['cache-control'], 'no-store', path);
    assert.equal(await page.locator('script, style, [style], [onclick], [src], iframe').count(), 0, path);
  }
  assert.deepEqual(elsewhere, []);
});

test('what a user is called is text and not HTML', async () => {
  const page = await newcomer(browser, site);
  await signIn(page, '<b>"Bobby" & \'T\'</b>');
  for (const path of PAGES) {
    await page.goto(`${express}${path}`);
    assert.equal(await user(page), '<b>"Bobby" & \'T\'</b>', path);
  }
});

test('no page of either half is wider than a phone', async () => {
  const page = await newcomer(browser, site, { viewport: { width: 360, height: 740 } });
  await addToCart(page, 'Roll of tickets');
  await signIn(page, 'Augusta Ada King, Countess of Lovelace');
  for (const half of [axum, express]) {
    for (const path of [...PAGES, '/nothing']) {
      await page.goto(`${half}${path}`);
      const { content, screen } = await page.evaluate(() => ({
        content: document.documentElement.scrollWidth,
        screen: document.documentElement.clientWidth,
      }));
      assert(content <= screen, `${half}${path}: ${content} > ${screen}`);
    }
  }
});

test('neither half stays when the other one ends', async () => {
  const both = await Site.start({ express: true });
  await both.kill();
  await assertGone(both.express);

  const again = await Site.start({ express: true });
  await again.stop();
  await assertGone(again.express);
});

/** Waits until nobody answers there. The end of a process takes a moment to show. */
async function assertGone(address) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await fetch(address, { headers: { connection: 'close' } }).catch(() => undefined);
    if (!answer) return;
    await answer.body.cancel();
    assert(Date.now() < deadline, `${address} still answers`);
  }
}
