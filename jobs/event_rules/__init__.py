"""Events and what they start: patterns as EventBridge matches them, paths into events, and the rule of each trigger.

Pure: components build rules from it, the emulator matches by it, `batchyard events test` explains with it.
"""
