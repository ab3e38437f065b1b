"""Tests of the importer of Keras models."""
