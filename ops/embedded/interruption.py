"""What ends a command line: Ctrl-C, a supervisor's SIGTERM and a lost terminal's SIGHUP, each as a KeyboardInterrupt.

So whatever it has started is ended, and what isn't whole is taken away, in all three cases.
"""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def break_off_by_signals() -> None:
    """From now on; what nohup, or whoever else has started it, has let it ignore stays ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def ignore_signals() -> None:
    """From now on: a second one would leave half of what is taken away."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
