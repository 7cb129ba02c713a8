"""Where jobs run. An engine makes layers; the worker process around it talks to the daemon.

The daemon imports an engine's module to learn what it offers, so such a module imports its framework
(torch, …) only when an engine is made, never at its top. `worker` is the process, `pixels` and `colour`
turn wire pictures into float arrays and back, `starter` is the engine that runs `acetate.pipelines`.
"""
