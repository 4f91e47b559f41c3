"""Records what a router does as a history (narrowcast.history/v1); `narrowcast check FILE` judges it."""
import contextlib, itertools, json, threading


class Refused(Exception):
    """Raise it within an operation that the router refused; its text is the reason: unknown, closed, limit, forbidden."""


class Recorder:
    def __init__(self, file):
        self.file, self.lock, self.thread, self.numbers = file, threading.Lock(), threading.local(), itertools.count(1)

    def write(self, type, f, value, **more):
        if not hasattr(self.thread, "process"):
            self.thread.process = next(self.numbers)
        line = {"process": self.thread.process, "type": type, "f": f, "value": value, **more}
        with self.lock:  # whole lines, in the order in which things happened
            print(json.dumps(line), file=self.file)

    @contextlib.contextmanager
    def operation(self, f, **value):  # with recorder.operation("emit", job="a", event="e1"): router.emit("a", "e1")
        self.write("invoke", f, value)  # before the call begins, and the completion after it has returned
        try:
            yield
            self.write("ok", f, value)
        except Refused as refused:
            self.write("fail", f, value, reason=str(refused))
            raise
        except BaseException:  # nobody knows whether it took effect: this process says nothing more
            self.write("info", f, value)
            del self.thread.process
            raise

    def observe(self, f, **value):  # ("receive", stream="s", event="e1"), or lagged=3, end=True; ("drained", stream="s")
        self.write("ok", f, value)
