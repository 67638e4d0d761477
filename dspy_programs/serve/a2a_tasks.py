"""The A2A tasks that clients may still ask about, each the business of the key that made it.

Guarantees the task of another key is not found, whatever is asked; finished tasks expire after `kept_seconds`, and the oldest
           go where one key has more than `kept_tasks` or all have more than `kept_bytes`: then the key with the most gives.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from a2a.server.context import ServerCallContext
from a2a.server.owner_resolver import resolve_user_scope
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import ListTasksRequest, ListTasksResponse, Task, TaskState

from dspy_programs.serve.limits import Limits

_ENDED = {
    TaskState.TASK_STATE_COMPLETED,
    TaskState.TASK_STATE_FAILED,
    TaskState.TASK_STATE_CANCELED,
    TaskState.TASK_STATE_REJECTED,
}


class _Finished:
    """The finished tasks of one key, the oldest first: id -> (when it finished, its bytes)."""

    def __init__(self, context: ServerCallContext) -> None:
        self.context = ServerCallContext(user=context.user)  # without the headers, which have the key
        self.tasks: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self.bytes = 0

    def add(self, task: Task, now: float) -> None:
        if task.id in self.tasks:
            self.forget(task.id)
        self.tasks[task.id] = (now, task.ByteSize())
        self.bytes += task.ByteSize()

    def forget(self, task_id: str) -> None:
        self.bytes -= self.tasks.pop(task_id)[1]

    @property
    def oldest(self) -> str:
        return next(iter(self.tasks))


class Tasks(InMemoryTaskStore):
    """Tasks in memory. The SDK's store keeps clients apart, by the user of the request, and keeps everything for ever."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.limits, self.now = limits, now
        self._finished: dict[str, _Finished] = {}

    async def save(self, task: Task, context: ServerCallContext) -> None:
        await super().save(task, context)
        if task.status.state in _ENDED:
            self._finished.setdefault(resolve_user_scope(context), _Finished(context)).add(task, self.now())
        await self._expire()

    async def get(self, task_id: str, context: ServerCallContext) -> Task | None:
        await self._expire()
        return await super().get(task_id, context)

    async def list(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        await self._expire()
        return await super().list(params, context)

    async def _expire(self) -> None:
        """Drop what is too old and too much."""
        for of_key in list(self._finished.values()):
            while len(of_key.tasks) > self.limits.kept_tasks or self._is_old(of_key):
                await self._drop(of_key)
        while sum(of_key.bytes for of_key in self._finished.values()) > self.limits.kept_bytes:
            await self._drop(max(self._finished.values(), key=lambda of_key: of_key.bytes))

    def _is_old(self, of_key: _Finished) -> bool:
        return bool(of_key.tasks) and self.now() - of_key.tasks[of_key.oldest][0] > self.limits.kept_seconds

    async def _drop(self, of_key: _Finished) -> None:
        oldest = of_key.oldest
        of_key.forget(oldest)
        if not of_key.tasks:
            del self._finished[resolve_user_scope(of_key.context)]
        await self.delete(oldest, of_key.context)
