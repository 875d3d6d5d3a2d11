"""Known truth (`processes`), the tests tried on it (`study`), all of it planned and stored (`cells`), told and drawn
(`reading`): how often do the tests cry wolf, and what can they see?"""
