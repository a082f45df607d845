// One option moves both halves to a server: Redis, PostgreSQL, MySQL. They share their visitors there, too.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { addToCart, cart, launch, newcomer, press, signIn, user } from './browser.mjs';
import { Site } from './site.mjs';

const require = createRequire(import.meta.url);
const { KINDS, sharedUrl } = require('../../node/test/support/servers.js');

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

for (const server of Object.values(KINDS)) {
  describe(`with its sessions in ${server}`, () => {
    let site;

    before(async () => {
      site = await Site.start({ express: true, server: await sharedUrl(server) });
    });

    after(() => site?.stop());

    test('both halves have one visitor with one cart', async () => {
      const page = await newcomer(browser, site);
      await addToCart(page, 'Ink pad', site.express);
      await addToCart(page, 'UV torch');
      await signIn(page, `Ada in ${server}`);
      for (const half of [site.express, site.url]) {
        await page.goto(`${half}/`);
        assert.equal(await user(page), `Ada in ${server}`);
        assert.deepEqual(await cart(page, half), { 'Ink pad': 1, 'UV torch': 1 });
      }
      await page.goto(`${site.express}/`);
      await press(page, 'Sign out');
      for (const half of [site.express, site.url]) {
        await page.goto(`${half}/`);
        assert.equal(await user(page), null);
      }
    });

    test('visits of both halves at once are all counted', async () => {
      const page = await newcomer(browser, site);
      await page.goto('/shop');
      const csrf = await page.locator('input[name=csrf]').first().inputValue();
      const add = (half) => page.context().request.post(`${half}/shop`, { form: { csrf, product: 'tickets' }, maxRedirects: 0 });
      const answers = await Promise.all(Array.from({ length: 10 }, () => [site.url, site.express]).flat().map(add));
      assert(answers.every((answer) => answer.status() === 303));
      assert.deepEqual(await cart(page, site.express), { 'Roll of tickets': 20 });
    });

    test('«sign out everywhere else» leaves only this browser, on both halves', async () => {
      const here = await newcomer(browser, site);
      const there = await newcomer(browser, site);
      for (const page of [here, there]) await signIn(page, `Edsger in ${server}`);
      await here.goto(`${site.express}/devices`);
      await press(here, 'Sign out everywhere else');
      for (const half of [site.express, site.url]) {
        await here.goto(`${half}/`);
        await there.goto(`${half}/`);
        assert.deepEqual([await user(here), await user(there)], [`Edsger in ${server}`, null]);
      }
    });

    test('a restart of the site signs nobody out', async () => {
      const page = await newcomer(browser, site);
      await signIn(page, `Grace in ${server}`);
      await site.stop();
      await site.startAgain();
      for (const half of [site.express, site.url]) {
        await page.goto(`${half}/`);
        assert.equal(await user(page), `Grace in ${server}`);
      }
    });
  });
}
