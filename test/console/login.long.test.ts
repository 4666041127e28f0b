// Logging in and out of the console with a real browser: the right way, wrong ways, and what ends a session.
import { expect, test } from 'vitest';
import { inChromium, Looker, OPERATOR, openConsoleRoom, PASSWORD, TOKEN, VIEWER } from './room.ts';

inChromium('the console', (browser) => {
  test('a wrong password is told, a right one opens the page that was asked for, log-out closes it', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await page.goto(`${room.url}#/routes`);
    await page.getByLabel('User').fill(OPERATOR);
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('wrong').waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Routes', level: 1 }).waitFor();
    await page.getByText(`${OPERATOR} (operate)`).waitFor();
    // A cookie that no script reads, and nothing else that stays.
    const cookies = await page.context().cookies();
    expect(cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite])).toEqual([[true, 'Strict']]);
    expect(await page.evaluate('document.cookie + localStorage.length + sessionStorage.length')).toBe('00');

    await page.reload();
    await page.getByRole('heading', { name: 'Routes', level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('You are logged out.').waitFor();
    await page.reload();
    await page.getByLabel('User').waitFor();
    expect(await page.content()).not.toContain('admissions');
    expect(room.actions.map(({ action }) => action.kind)).toEqual(['wrong log-in', 'log-in', 'log-out']);
  });

  test('the token logs in as well', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await page.goto(room.url);
    await page.getByRole('button', { name: 'With the token instead' }).click();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('by token (operate)').waitFor();
  });

  test('a link logs in once, and its code does not stay in the address', async () => {
    await using room = await openConsoleRoom();
    const link = `${room.url}#login=${room.server.issueCode()}`;
    await using looker = await Looker.of(browser(), room);
    await looker.page.goto(link);
    await looker.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    expect(looker.page.url()).toBe(`${room.url}#/overview`);
    await using other = await Looker.of(browser(), room);
    await other.page.goto(link);
    await other.page.getByText('This link has been used, or is too old').waitFor();
  });

  test('a session that is over says so, shows nothing of before, and goes on where it was', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await looker.logIn(VIEWER, '#/nodes');
    await page.getByRole('button', { name: 'adt/a' }).waitFor();
    const { users, sessions, hosts } = room.gateway.config.admin ?? {};
    if (users === undefined || sessions === undefined || hosts === undefined) throw new Error('no admin');
    // Whoever is taken out of the config is logged out, as by time.
    room.server.configure({ token: TOKEN, users: new Map(), sessions, hosts });
    await page.getByText('Your session is over').waitFor();
    expect(await page.content()).not.toContain('adt');
    room.server.configure({ token: TOKEN, users, sessions, hosts });
    await page.getByLabel('User').fill(VIEWER);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'adt/a' }).waitFor();
  });

  test('time ends a session too', async () => {
    await using room = await openConsoleRoom({ admin: { sessions: { idle: '3s', absolute: '3s' } } });
    await using looker = await Looker.of(browser(), room);
    await looker.logIn();
    await looker.page.getByText('Your session is over').waitFor();
  });

  test('a gateway that is gone is said to be, and what is shown is not taken for what is now', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    await looker.logIn(VIEWER);
    await looker.page.getByText('All well').waitFor();
    await room.server.stop();
    await looker.page.getByText(/^Nothing heard since \d\d:\d\d:\d\d$/).waitFor();
    expect(await looker.page.getByText('All well').count()).toBe(0);
    // Chromium says of the stream that it was cut, and of each try that nobody is there.
    expect(looker.wrongs.filter((one) => !/net::ERR_/.test(one))).toEqual([]);
    looker.wrongs.length = 0;
  });

  test('whoever only looks has no button that changes something', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    await looker.logIn(VIEWER);
    await looker.open('Nodes');
    await looker.page.getByRole('button', { name: 'adt/a' }).click();
    await looker.page.getByText('Your role sees all and changes nothing.').waitFor();
    expect(await looker.page.getByRole('button', { name: /Drain|Maintenance|weight/ }).count()).toBe(0);
    await looker.page.keyboard.press('Escape');
    await looker.open('Config');
    await looker.page.getByText('pools:').or(looker.page.getByText('"pools"')).first().waitFor();
    expect(await looker.page.getByRole('button', { name: 'Reload' }).count()).toBe(0);
  });
});
