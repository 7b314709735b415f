"""Calciscope answers one question about any calcification: is it serious?"""
