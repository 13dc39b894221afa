"""What happens to a vote page in the midst of a vote: it says that nothing is counted yet, and makes one vote of it."""

import itertools

from playwright.sync_api import BrowserContext, Route, expect

from ops.rig.running_stack import RunningStack
from tests.browser.show import Show
from tests.browser.voter import COUNTED, SUBMIT, NewVoter, VoterAtPage, busy


def test_offline_in_the_midst_of_a_vote(stack: RunningStack, context: BrowserContext, new_voter: NewVoter) -> None:
    """The vote is taken, its answer is lost, and the network with it: not yet counted; with it back, it is."""
    show = Show(stack.demo, "A tunnel", ["Anna", "Ben"])
    voter = new_voter(show)

    def lose(route: Route) -> None:
        route.fetch()
        context.set_offline(True)
        route.abort()

    voter.page.route(SUBMIT, lose, times=1)
    voter.open()
    voter.choose("Anna")
    voter.register()
    voter.expect_not_yet()
    assert stack.votes_in_ledger(show.event_id) == 1
    context.set_offline(False)
    voter.expect_outcome(COUNTED)
    assert stack.votes_in_ledger(show.event_id) == 1
    assert set(voter.chosen) == {show.contestants[0]}


def test_reload_in_the_midst_of_a_vote(stack: RunningStack, new_voter: NewVoter) -> None:
    """The same vote goes on by itself after a reload, though nobody answers in the beginning."""
    show = Show(stack.demo, "Reload", ["Anna", "Ben"])
    voter = new_voter(show)
    voter.page.route(SUBMIT, busy)
    voter.open()
    voter.choose("Ben")
    voter.register()
    voter.expect_not_yet()
    voter.page.reload()
    voter.expect_not_yet()
    voter.page.unroute(SUBMIT)
    voter.expect_outcome(COUNTED)
    assert set(voter.chosen) == {show.contestants[1]}
    assert stack.votes_in_ledger(show.event_id) == 1


def test_reload_keeps_the_choice_of_who_is_not_logged_in(stack: RunningStack, new_voter: NewVoter) -> None:
    """Somebody who was choosing finds their choice again, and nothing is sent."""
    voter = new_voter(Show(stack.demo, "Choosing", ["Anna", "Ben"]))
    voter.open()
    voter.choose("Ben")
    voter.page.reload()
    expect(voter.page.get_by_role("radio", name="Ben")).to_be_checked()
    assert voter.chosen == []


def test_going_back_repeats_nothing(stack: RunningStack, new_voter: NewVoter, complaints: list[str]) -> None:
    """Back from the live page, the vote page says what it said and sends nothing; one vote was answered in all."""
    show = Show(stack.demo, "Back", ["Anna", "Ben"])
    voter = new_voter(show)
    voter.page.goto(show.page)
    voter.vote("Anna")
    sent = len(voter.chosen)
    voter.page.get_by_role("link", name="See the standings live").click()
    expect(voter.page).to_have_url(show.page)
    voter.page.go_back()
    expect(voter.page.locator("#outcome-title")).to_have_text(COUNTED)
    voter.page.go_back()
    expect(voter.page).to_have_url(show.page)
    voter.page.go_forward()
    expect(voter.page.locator("#outcome-title")).to_have_text(COUNTED)
    assert (len(voter.chosen), len(voter.answered)) == (sent, 1)
    assert complaints == []


def test_two_tabs_are_one_voter(stack: RunningStack, new_voter: NewVoter, complaints: list[str]) -> None:
    """What one of them did the other says; two choices at once are one vote; both stay logged in, renewing at once."""
    show = Show(stack.demo, "Tabs", ["Anna", "Ben"])
    one, other = new_voter(show), new_voter(show)
    other.open()
    one.vote("Anna")
    expect(other.page.locator("#outcome")).to_contain_text("You voted for Anna")

    second = Show(stack.demo, "Tabs again", ["Anna", "Ben"])
    for voter, name in ((one, "Anna"), (other, "Ben")):
        voter.show = second
        voter.open()
        voter.page.get_by_role("radio", name=name, exact=True).check()
    for voter in (one, other):
        voter.page.evaluate("document.querySelector('#cast').click()")
    for voter in (one, other):
        expect(voter.page.locator("#outcome")).to_be_visible()
    assert stack.votes_in_ledger(second.event_id) == 1
    for voter in (one, other):
        voter.page.evaluate("location.reload()")
    for voter in (one, other):
        expect(voter.page.locator("#outcome-progress")).to_have_text("It is in the standings.")
        expect(voter.page.locator("#me")).to_have_text(one.name)
    assert complaints == []


def test_a_tab_that_sleeps_keeps_no_other_out(stack: RunningStack, new_voter: NewVoter) -> None:
    """A phone may put a tab to sleep while it renews the session: the next one goes on without it after a while."""
    voter, sleeper = (new_voter(Show(stack.demo, "Asleep", ["Anna", "Ben"])) for _ in range(2))
    voter.vote("Anna")
    sleeper.page.goto(sleeper.show.page)
    sleeper.page.evaluate("() => { navigator.locks.request('live-vote session', () => new Promise(() => {})); }")
    voter.page.reload()
    expect(voter.page.locator("#outcome-progress")).to_have_text("It is in the standings.")


def test_a_fifth_of_all_answers_is_busy(stack: RunningStack, new_voter: NewVoter, complaints: list[str]) -> None:
    """Half of them before anything was done, half of them after it: every voter gets in, once."""
    show = Show(stack.demo, "Overload", ["Anna", "Ben"])
    calls = itertools.count(1)

    def answer(route: Route) -> None:
        number = next(calls)
        if number % 10 == 0:
            route.fetch()
        if number % 5 == 0:
            busy(route)
        else:
            route.continue_()

    for voters in range(1, 5):
        voter = new_voter(show)
        voter.page.route("**/v1/**", answer)
        voter.vote("Ben")
        assert stack.votes_in_ledger(show.event_id) == voters
        voter.page.get_by_role("button", name="Log out").click()
        expect(voter.page.locator("#status")).to_have_text("You are logged out.")
    assert complaints == []


def lose_session(voter: VoterAtPage) -> None:
    """A vote that nobody answers, and a session that has ended when its page is opened again."""
    voter.page.route(SUBMIT, busy)
    voter.open()
    voter.choose("Anna")
    voter.register()
    voter.expect_not_yet()
    voter.page.evaluate("""() => {
        const key = "live-vote session";
        const session = JSON.parse(localStorage.getItem(key));
        localStorage.setItem(key, JSON.stringify({ ...session, refreshToken: "ended" }));
    }""")
    voter.page.reload()
    expect(voter.page.locator("#status")).to_contain_text("not yet counted. Log in again")
    voter.page.unroute(SUBMIT)
    voter.chosen.clear()


def test_an_ended_session_costs_no_vote(stack: RunningStack, new_voter: NewVoter) -> None:
    """Whose session ended in the midst of a vote logs in again, and that vote goes on."""
    show = Show(stack.demo, "Ended session", ["Anna", "Ben"])
    voter = new_voter(show)
    lose_session(voter)
    voter.log_in()
    voter.expect_outcome(COUNTED)
    assert (set(voter.chosen), voter.answered) == ({show.contestants[0]}, [show.contestants[0]])
    assert stack.votes_in_ledger(show.event_id) == 1


def test_a_vote_never_goes_on_as_somebody_elses(stack: RunningStack, new_voter: NewVoter) -> None:
    """Whoever logs in on the phone of another, whose vote is pending, chooses for themselves."""
    show = Show(stack.demo, "Somebody else", ["Anna", "Ben"])
    first = new_voter(show)
    lose_session(first)
    first.name += "-2"
    first.page.get_by_role("radio", name="I am new here").check()
    first.register()
    expect(first.page.locator("#status")).to_contain_text("Another person's choice was here")
    expect(first.page.locator("input[name=contestant]:checked")).to_have_count(0)
    first.choose("Ben")
    first.expect_outcome(COUNTED)
    assert (set(first.chosen), first.answered) == ({show.contestants[1]}, [show.contestants[1]])
