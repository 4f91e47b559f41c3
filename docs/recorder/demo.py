"""Two jobs narrate at once through a router of twenty lines, and what happens is recorded.

    python3 docs/recorder/demo.py right.jsonl && narrowcast check right.jsonl
    python3 docs/recorder/demo.py --leaky wrong.jsonl; narrowcast check wrong.jsonl
"""
import queue, sys, threading
from recorder import Recorder, Refused

END = object()


class Router:
    """One queue for each subscription. The leaky one has a single list of subscribers for all jobs."""

    def __init__(self, leaky):
        self.leaky, self.lock, self.open, self.subscribers = leaky, threading.Lock(), set(), {}

    def readers(self, job):
        return [q for (of, q) in self.subscribers.values() if of == job or self.leaky]

    def create(self, job):
        with self.lock:
            self.open.add(job)

    def subscribe(self, job, stream):
        with self.lock:
            self.subscribers[stream] = (job, queue.Queue())
            return self.subscribers[stream][1]

    def emit(self, job, event):
        with self.lock:
            if job not in self.open:
                raise Refused("unknown")
            for reader in self.readers(job):
                reader.put(event)

    def close(self, job):
        with self.lock:
            self.open.discard(job)
            for (of, reader) in self.subscribers.values():
                if of == job:
                    reader.put(END)


def run(job, router, recorder, everybody):
    with recorder.operation("create", job=job):
        router.create(job)
    with recorder.operation("subscribe", job=job, stream="of-" + job):
        reader = router.subscribe(job, "of-" + job)
    everybody.wait()  # both jobs are open and read, and now both narrate
    for number in range(20):
        with recorder.operation("emit", job=job, event=f"{job}{number}"):
            router.emit(job, f"{job}{number}")
    everybody.wait()
    with recorder.operation("close", job=job, outcome="completed"):
        router.close(job)
    while (event := reader.get()) is not END:
        recorder.observe("receive", stream="of-" + job, event=event)
    recorder.observe("receive", stream="of-" + job, end=True, outcome="completed")
    recorder.observe("drained", stream="of-" + job)


if __name__ == "__main__":
    with open(sys.argv[-1], "w", encoding="utf-8") as file:
        router, everybody = Router("--leaky" in sys.argv), threading.Barrier(2)
        arguments = (router, Recorder(file), everybody)
        jobs = [threading.Thread(target=run, args=(job, *arguments)) for job in ("a", "b")]
        [job.start() for job in jobs]
        [job.join() for job in jobs]
