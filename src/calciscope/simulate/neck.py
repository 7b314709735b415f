"""x"""
from __future__ import annotations
from calciscope.simulate.patient import Simulated
def neck_scan(seed:int=1,**k:object)->Simulated: raise NotImplementedError
