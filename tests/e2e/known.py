"""tests/preload/sites_known under the preload, and what it says of itself."""
import os
import subprocess


def check(truth, text):
    if not truth:
        raise AssertionError(text)


class Known:
    """The program, or a copy of it, waiting after its first allocations.

    address: function -> where it is; truth: function -> bytes and objects
    allocated, bytes and objects that live.
    """

    def __init__(self, build, mean, path=None, **env):
        env = dict(os.environ, HAKMEM_SAMPLE=str(mean),
                   LD_PRELOAD=os.path.join(build, "libhakmem.so"), **env)
        self.process = subprocess.Popen(
            [path or os.path.join(build, "tests/preload/sites_known"), "wait"],
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = str(self.process.pid)
        self.address, self.truth = {}, {}
        self.listen()

    def listen(self):
        """Until "ready"."""
        for line in self.process.stdout:
            if line == "ready\n":
                return
            word = line.split()
            self.address[word[1]] = int(word[2], 16)
            self.truth[word[1]] = tuple(int(word[i]) for i in (4, 5, 7, 8))
        raise AssertionError("the program ended")

    def more(self):
        """The leak goes on."""
        self.process.stdin.write("more\n")
        self.process.stdin.flush()
        self.listen()

    def end(self):
        self.process.stdin.close()
        check(self.process.wait(60) == 0, "the program failed")
