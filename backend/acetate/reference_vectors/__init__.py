"""The check against reference vectors: does this computer compute what the method says?"""
