// Every page, for everyone: without script, on a phone, with the keyboard, with a screen reader.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { PASSWORD, addToCart, cart, launch, newcomer, press, signIn, user } from './browser.mjs';
import { Site } from './site.mjs';

const PAGES = ['/', '/shop', '/cart', '/sign-in', '/devices', '/how-it-works', '/there-is-no-such-page'];

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

/** Calls `look` with every page, as a stranger sees it and as a user with a full cart. */
async function everyPage(options, look) {
  const { onRequest = () => {}, ...contextOptions } = options;
  const page = await newcomer(browser, site, contextOptions);
  page.on('request', onRequest);
  for (const path of PAGES.toReversed()) {
    await page.goto(path);
    await look(page, `${path} of a stranger`);
  }
  await addToCart(page, 'Date stamp');
  await addToCart(page, 'Roll of tickets');
  await signIn(page, 'Augusta Ada King, Countess of Lovelace', { keep: true });
  for (const path of PAGES) {
    await page.goto(path);
    await look(page, `${path} of a user`);
  }
  await page.context().close();
}

test('everything works with JavaScript off', async () => {
  const page = await newcomer(browser, site, { javaScriptEnabled: false });
  await page.goto('/');
  await addToCart(page, 'Ink pad');
  await signIn(page, 'Noscript', { keep: true });
  assert.equal(await user(page), 'Noscript');
  assert.deepEqual(await cart(page), { 'Ink pad': 1 });
  await page.goto('/devices');
  await press(page, 'Sign out here');
  assert.equal(await user(page), null);
});

test('no page has a script, an inline style or anything from elsewhere', async () => {
  const elsewhere = [];
  const onRequest = (request) => {
    if (!request.url().startsWith(site.url)) elsewhere.push(request.url());
  };
  await everyPage({ onRequest }, async (page, name) => {
    const found = await page.locator('script, style, [style], [onclick], [src], iframe').count();
    assert.equal(found, 0, name);
  });
  assert.deepEqual(elsewhere, []);
});

test('browsers are told what the site never does', async () => {
  const page = await newcomer(browser, site);
  for (const path of [...PAGES, '/assets/site.css']) {
    const headers = (await page.context().request.get(path)).headers();
    assert.match(headers['content-security-policy'], /^default-src 'none';.*frame-ancestors 'none'/, path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['referrer-policy'], 'same-origin', path);
  }
  await page.goto('/');
  const style = await page.locator('link[rel=stylesheet]').getAttribute('href');
  const headers = (await page.context().request.get(style)).headers();
  assert.match(headers['cache-control'], /immutable/);
  assert.equal((await page.context().request.get('/')).headers()['cache-control'], 'no-store');
});

test('no page is wider than a phone', async () => {
  await everyPage({ viewport: { width: 360, height: 740 } }, async (page, name) => {
    const { content, screen } = await page.evaluate(() => ({
      content: document.documentElement.scrollWidth,
      screen: document.documentElement.clientWidth,
    }));
    assert(content <= screen, `${name}: ${content} > ${screen}`);
    const outside = await page.evaluate(() =>
      [...document.querySelectorAll('main *, header *')]
        .filter((element) => !element.closest('.visually-hidden, thead, .user, .stamp, caption.visually-hidden'))
        .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map((element) => element.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(outside, [], name);
  });
});

test('every page has what a screen reader goes by', async () => {
  const titles = new Map();
  await everyPage({}, async (page, name) => {
    const problems = await page.evaluate(() => {
      const problems = [];
      const all = (selector) => [...document.querySelectorAll(selector)];
      const exactly = (selector, number) => {
        if (all(selector).length !== number) problems.push(`${all(selector).length} of ${selector}`);
      };
      const text = (element) => element.getAttribute('aria-label') ?? element.textContent.trim();
      for (const selector of ['html[lang=en]', 'h1', 'main', 'body > header', 'body > footer', 'nav[aria-label]']) {
        exactly(selector, 1);
      }
      for (const input of all('input:not([type=hidden])')) {
        if (input.labels.length === 0) problems.push(`no label: ${input.name}`);
        for (const id of (input.getAttribute('aria-describedby') ?? '').split(' ').filter(Boolean)) {
          if (!document.getElementById(id)) problems.push(`nothing describes: ${id}`);
        }
      }
      for (const control of all('a, button')) {
        if (!text(control)) problems.push(`no name: ${control.outerHTML}`);
      }
      for (const picture of all('svg')) {
        if (!picture.hasAttribute('aria-hidden') && !picture.hasAttribute('aria-label')) {
          problems.push('a picture that is neither hidden nor named');
        }
      }
      for (const table of all('table')) {
        if (!table.caption) problems.push('a table without caption');
        if (table.querySelector('th:not([scope])')) problems.push('a head without scope');
      }
      const ids = all('[id]').map((element) => element.id);
      for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push(`twice: #${id}`);
      let level = 0;
      for (const heading of all('h1, h2, h3, h4')) {
        const next = Number(heading.tagName[1]);
        if (next > level + 1) problems.push(`h${level} is followed by h${next}`);
        level = next;
      }
      const buttons = all('button').map(text);
      for (const name of buttons.filter((name) => name !== 'Sign out' && name !== 'Sign in')) {
        if (buttons.indexOf(name) !== buttons.lastIndexOf(name)) problems.push(`two buttons «${name}»`);
      }
      return problems;
    });
    assert.deepEqual(problems, [], name);
    titles.set(await page.title(), (titles.get(await page.title()) ?? 0) + 1);
    const current = await page.locator('nav [aria-current=page]').count();
    assert.equal(current, /sign-in|no-such/.test(name) ? 0 : 1, `${name}: the navigation marks this page`);
  });
  assert.equal(titles.size, PAGES.length, 'each page has a title of its own');
});

for (const colorScheme of ['light', 'dark']) {
  test(`text stands out from its ground, in the ${colorScheme}`, async () => {
    await everyPage({ colorScheme }, async (page, name) => {
      const weak = await page.evaluate(() => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
        const channels = (color) => {
          canvas.clearRect(0, 0, 1, 1);
          canvas.fillStyle = color;
          canvas.fillRect(0, 0, 1, 1);
          return [...canvas.getImageData(0, 0, 1, 1).data];
        };
        // WCAG 2.2, relative luminance and contrast ratio.
        const luminance = (color) => {
          const [red, green, blue] = channels(color)
            .slice(0, 3)
            .map((channel) => channel / 255)
            .map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
          return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const ground = (element) => {
          for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if (channels(color)[3] === 255) return color;
          }
          return 'white';
        };
        const weak = [];
        for (const element of document.querySelectorAll('body *')) {
          const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
          if (!own || element.closest('svg, .skip')) continue;
          const lights = [luminance(getComputedStyle(element).color), luminance(ground(element))].sort((a, b) => b - a);
          const ratio = (lights[0] + 0.05) / (lights[1] + 0.05);
          if (ratio < 4.5) weak.push(`${ratio.toFixed(2)}: ${element.textContent.trim().slice(0, 40)}`);
        }
        return weak;
      });
      assert.deepEqual(weak, [], name);
    });
  });
}

test('the keyboard alone is enough to skip to the content and to sign in', async () => {
  const page = await newcomer(browser, site);
  await page.goto('/sign-in');
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      const box = element.getBoundingClientRect();
      const isSeen = box.top >= 0 && box.bottom <= innerHeight && getComputedStyle(element).outlineStyle !== 'none';
      return { name: element.labels?.[0]?.textContent ?? element.textContent, id: element.id, isSeen };
    });

  await page.keyboard.press('Tab');
  assert.deepEqual(await focused(), { name: 'Skip to the content', id: '', isSeen: true });
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'content');

  await page.keyboard.press('Tab');
  assert.deepEqual(await focused(), { name: 'Name', id: 'name', isSeen: true });
  await page.keyboard.type('Keys');
  await page.keyboard.press('Tab');
  assert.deepEqual(await focused(), { name: 'Password', id: 'password', isSeen: true });
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Tab');
  assert.deepEqual(await focused(), { name: 'Keep me signed in', id: 'keep', isSeen: true });
  await page.keyboard.press('Space');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  assert.equal(await user(page), 'Keys');
});

test('errors have a friendly page that says nothing of the inside', async () => {
  const page = await newcomer(browser, site);
  const { request } = page.context();
  for (const [answer, status, title] of [
    [await request.get('/nothing'), 404, 'There is nothing here'],
    [await request.get('/sign-out'), 405, 'This address is for a button'],
    [await request.post('/shop', { form: { product: 'ink-pad' } }), 400, 'That could not be read'],
    [await request.post('/shop', { form: { csrf: 'x'.repeat(20_000) } }), 400, 'That could not be read'],
  ]) {
    assert.equal(answer.status(), status);
    const text = await answer.text();
    assert(text.includes(`<h1>${title}</h1>`), text);
    assert(!/serde|axum|Failed to|missing field/i.test(text));
  }
});
