"""The tables and attacks of every rule in memory, as they were stored and as the tick in hand changes them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from tocsin import decide, detect
from tocsin.model import BLIND, Alert, Attack, Event, Gap, Notify, Rule, Seen, Told
from tocsin.state.changes import TableChange, Telling
from tocsin.state.store import State

_BLIND = Rule(BLIND, ())


class Ledger:
    """Loads a rule's table when it is needed: a quiet tick needs none."""

    def __init__(self, rules: Iterable[Rule], state: State) -> None:
        self._state = state
        self._rules = {rule.name: rule for rule in rules} | {BLIND: _BLIND}
        self._stored = state.attacks()
        self._told = {(stored.attack.rule, stored.attack.start): stored.told for stored in self._stored}
        self._open = {key: stored.attack for key, stored in zip(self._told, self._stored, strict=True) if stored.open}
        self._tables: dict[str, detect.Table] = {}

    def add(self, event: Event) -> None:
        self._table(event.rule).add(event)

    def blind(self, gap: Gap, now: datetime) -> None:
        """Lost lines ring like an attack, by the time at which the loss was noticed."""
        table = self._table(BLIND)
        table.add(Event(BLIND, gap.source, now, 1, gap.source, 0, b"", b"", b""))
        table.seen[gap.source].why = gap.why

    def alerts(self, at: datetime) -> Iterator[Alert]:
        """Every alert that is kept, as it stands at this moment."""
        for rule in self._state.rules() | set(self._tables):
            table = self._table(rule)
            yield from (detect.alert(seen, table.rule, at) for seen in self._state.past(rule))
            yield from table.alerts(at)

    def everything(self, now: datetime) -> list[decide.Case]:
        """Every attack that was stored last for its rule, or is open, whatever was told of it."""
        return self._cases([stored.attack for stored in self._stored], now, now, Notify())

    def cases(self, now: datetime, until: datetime | None, notify: Notify) -> list[decide.Case]:
        """The attacks of which something may have to be told. The logs were read until then; None if nobody knows."""
        for table in self._tables.values():
            for attack in (*table.earlier, *filter(None, [table.attack])):
                if table.changed or attack in table.earlier:
                    self._open[attack.rule, attack.start] = attack
        return self._cases(self._open.values(), until, now, notify)

    def changes(self) -> list[TableChange]:
        """What the tick changed, for the transaction."""
        return [
            TableChange(
                rule,
                attacks=[*table.earlier, *filter(None, [table.attack])],
                bitmap=table.crowd.bitmap,
                changed=[table.seen[key] for key in table.changed],
                gone=sorted(table.gone),
                ended=table.ended,
                counts=table.counts,
            )
            for rule, table in self._tables.items()
            if table.changed or table.gone
        ]

    def tellings(
        self, cases: Iterable[decide.Case], decisions: Iterable[decide.Decision], notify: Notify
    ) -> list[Telling]:
        """What has been told once these decisions are stored, and which attacks are told to their end."""
        parts = {(part.attack.rule, part.attack.start): part for decision in decisions for part in decision.told}
        tellings = []
        for case in cases:
            part = parts.get((case.attack.rule, case.attack.start))
            done = decide.done(case, notify) or (case.over and part is not None)
            if part or done:
                named = part.named if part else frozenset()
                unnamed = case.fold.named - named if part and case.fold else frozenset()
                tellings.append(Telling(case.attack, part.told if part else case.told, named, unnamed, not done))
        return tellings

    def settle(self, tellings: Iterable[Telling]) -> None:
        """The transaction is through."""
        for telling in tellings:
            key = (telling.attack.rule, telling.attack.start)
            self._told[key] = telling.told
            runs = self._table(telling.attack.rule).seen
            for seen in [runs[name] for name in telling.named | telling.unnamed if name in runs]:
                if seen.attack == telling.attack.start:
                    seen.named = seen.key in telling.named
            if not telling.open:
                self._open.pop(key, None)
        for table in self._tables.values():
            table.settle()

    def _cases(
        self, attacks: Collection[Attack], until: datetime | None, now: datetime, notify: Notify
    ) -> list[decide.Case]:
        runs: dict[tuple[str, datetime | None], list[Seen]] = defaultdict(list)
        for table in [self._table(rule) for rule in {attack.rule for attack in attacks}]:
            for seen in (*table.ended, *table.seen.values()):
                runs[seen.rule, seen.attack].append(seen)
        cases = [self._case(attack, runs[attack.rule, attack.start], until, now) for attack in attacks]
        return [self._folded(case, now, notify) for case in cases]

    def _case(self, attack: Attack, runs: Iterable[Seen], until: datetime | None, now: datetime) -> decide.Case:
        table = self._table(attack.rule)
        end = attack.last + table.rule.window
        at = now if attack.rule == BLIND else until or attack.last
        over = at >= end or attack.last > now + detect.BACK
        at = max(at, end) if over else at
        alerts = tuple(
            detect.alert(seen, table.rule, at) for seen in (*self._state.past(attack.rule, attack.start), *runs)
        )
        return decide.Case(attack, table.rule, alerts, self._told.get((attack.rule, attack.start), Told()), over)

    def _folded(self, case: decide.Case, now: datetime, notify: Notify) -> decide.Case:
        """With what of the attack waits, if something is due that could be told in its stead."""
        if case.told.ordinal and decide.due(case, now, notify):
            return replace(case, fold=_fold(self._state.outbox.foldable(case.attack.rule, case.attack.start)))
        return case

    def _table(self, rule: str) -> detect.Table:
        if rule not in self._tables:
            last = next((stored for stored in reversed(self._stored) if stored.attack.rule == rule), None)
            known = self._rules.get(rule, replace(_BLIND, name=rule))  # a rule that the settings name no more
            starts = self._state.starts(rule)
            table = detect.Table(known, last.attack if last else None, last.bitmap if last else b"", starts)
            table.load(self._state.seen(rule))
            self._tables[rule] = table
        return self._tables[rule]


def _fold(waiting: Sequence[tuple[str, Told, frozenset[str]]]) -> decide.Fold | None:
    if not waiting:
        return None
    ids = tuple(name for name, _, _ in waiting)
    return decide.Fold(ids, waiting[0][1], frozenset().union(*(named for _, _, named in waiting)))
