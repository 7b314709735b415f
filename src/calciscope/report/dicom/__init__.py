"""An assessment as DICOM objects: segmentation, structured report, encapsulated PDF and key images."""
