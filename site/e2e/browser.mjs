// Headless Chromium, and what people do with it on the site.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

import { temporaryFolder } from './site.mjs';

export const COOKIE = 'handstamp';
export const PASSWORD = 'correct horse battery';

const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-quic',
  '--disable-component-update',
  '--disable-sync',
];

function options() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  assert(
    existsSync(executablePath),
    `Chromium is missing at ${executablePath}; install it (Debian: apt-get install chromium), or say in CHROMIUM where it is`,
  );
  return { executablePath, args: ARGUMENTS };
}

/** A browser whose contexts are people who share nothing. */
export function launch() {
  return chromium.launch(options());
}

/** A browser with a profile on disk: it can be closed and opened again. */
export class Profile {
  #folder = temporaryFolder();

  open(site) {
    return chromium.launchPersistentContext(this.#folder, { ...options(), baseURL: site.url });
  }
}

/** Opens the site in a context of its own: somebody who has never been here. */
export async function newcomer(browser, site, options = {}) {
  const context = await browser.newContext({ baseURL: site.url, ...options });
  return context.newPage();
}

/** Presses what leads to another page, and waits for that page. */
export async function press(page, name, role = 'button', within = page) {
  const target = within.getByRole(role, { name, exact: true });
  await Promise.all([page.waitForNavigation(), target.click()]);
}

export async function signIn(page, name, { keep = false, password = PASSWORD } = {}) {
  await page.goto('/sign-in');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByLabel('Keep me signed in').setChecked(keep);
  await press(page, 'Sign in');
}

/** `half` is the address of the Express half, to do it there. */
export async function addToCart(page, product, half = '') {
  await page.goto(`${half}/shop`);
  await press(page, `Add to cart: ${product}`);
}

/** Who the page says is signed in; `null` is nobody. */
export async function user(page) {
  const name = page.locator('.account .user');
  if ((await name.count()) === 0) return null;
  return (await name.textContent()).replace('Signed in as ', '');
}

/** The messages on the page. */
export function messages(page) {
  return page.locator('.message').allTextContents();
}

/** What is in the cart: `{ 'Ink pad': 2 }`. */
export async function cart(page, half = '') {
  await page.goto(`${half}/cart`);
  const rows = await page.locator('table.cart tbody tr').all();
  const lines = rows.map(async (row) => {
    const name = await row.locator('th').evaluate((head) => head.firstChild.textContent);
    return [name, Number(await row.locator('.number').textContent())];
  });
  return Object.fromEntries(await Promise.all(lines));
}

/** The number on the stamp of the page that is shown. */
export async function visits(page) {
  return Number((await page.locator('#visits').textContent()).replace(',', ''));
}

/** The session cookie that the browser holds. */
export async function stamp(page) {
  const cookies = await page.context().cookies();
  return cookies.find((cookie) => cookie.name === COOKIE);
}
